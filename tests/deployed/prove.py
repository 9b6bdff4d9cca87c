"""The deployed shape, from end to end: what infra/deploy makes, in an AWS on this machine.

prove.py TENANT GATEWAY: the programs of the simulated tenant and of the gateway. See README.md.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from emulator import FUNCTIONS, REGION, STACK, Emulator, deploy, in_terminal, until
from visitor import Api, Tenant, ask, authorize

ADMINISTRATOR, BACKUP = "admin@contoso.example", "backup@contoso.example"


def step(what):
    print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)


@contextmanager
def running(program, *arguments):
    """A program that prints its address, and what else one has to know of it, and ends with its standard input."""
    process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)


def first_token(emulator, table):
    """A token for all directories, put into the table as infra/README.md says."""
    token = "o365sync_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    now = datetime.now(timezone.utc)
    stamp = lambda at: {"S": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    expiry = now + timedelta(days=90)
    inner = {"name": {"S": "first token"}, "scope": {"S": "admin"}, "created_at": stamp(now), "expires_at": stamp(expiry)}
    item = {"pk": {"S": f"TOKEN#{digest}"}, "sk": {"S": "TOKEN"}, "v": {"N": "1"}, "token": {"M": inner}}
    item["expires_at"] = {"N": str(int(expiry.timestamp()))}
    emulator.client("dynamodb").put_item(TableName=table, Item=item)
    return token


def inbox(emulator, topic):
    """A queue that gets what the topic tells."""
    sqs, sns = emulator.client("sqs"), emulator.client("sns")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return lambda: [
        json.loads(message["Body"])["Subject"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
    ]


def ended(api, directory, run):
    """A run's record, when it has ended."""

    def look():
        record = api.get(f"{directory}/runs/{run}")
        return record if record["state"] not in ("queued", "running", "paused") else None

    return until(f"run {run} ends", look, 90)


def expected_active(tenant):
    return {user["id"] for user in tenant.control("truth")["users"] if user["enabled"] and not user["deleted"]}


def active(api, directory):
    return {user["id"] for user in api.get(f"{directory}/users?status=active&limit=1000")["items"]}


def title(page):
    return page.text.partition("<title>")[2].partition("</title>")[0]


def log_lines(emulator):
    logs, lines = emulator.client("logs"), []
    for function in FUNCTIONS:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{STACK}-{function}"):
            lines += [event["message"] for event in page["events"]]
    return lines


def complaints(emulator):
    return [line for line in log_lines(emulator) if '"ERROR"' in line or '"WARN"' in line]


def prove(emulator, tenant, origin):
    registration = tenant.control("registration")
    administrators = {one["userPrincipalName"]: one["id"] for one in tenant.control("administrators")}
    step("deploying by infra/deploy")
    client, secret = registration["clientId"], registration["clientSecret"]
    answers = [
        ("application (client) id", "contoso"),
        ("Expected an id such as", client),
        ("ids of the tenants", "*"),
        ("Who gets a mail", "operator@contoso.example"),
        ("The processor", "x86_64"),
        ("Deploy this changeset?", "y"),
        ("The client secret's value", secret),
    ]
    parameters = {"LoginUrl": tenant.origin, "GraphUrl": tenant.origin, "BaseUrl": origin, "SyncIntervalSeconds": "60"}
    said, outputs = deploy(emulator, answers, parameters)
    assert secret not in said
    assert outputs["RedirectUri"] in said.rpartition("What is left:")[2], said
    table = outputs["TableName"]
    assert outputs["ApiUrl"] == origin
    told = inbox(emulator, outputs["AlertTopicArn"])
    tenant.control("actions", {"action": "registerRedirectUri", "uri": outputs["RedirectUri"]})

    step("asking without a token")
    for path, status in [
        ("/healthz", 200),
        ("/api/v1/openapi.json", 200),
        ("/api/v1/status", 401),
        ("/scim/v2/x/Users", 401),
        ("/metrics", 401),
        ("/api/v1/directories/x/settings", 401),
        ("/", 303),
    ]:
        answer = ask("GET", origin + path)
        assert answer.status == status, f"{path}: {answer.status} {answer.text}"
        assert ask("HEAD", origin + path).status == status, f"HEAD {path}"

    step("authorizing as an administrator")
    page = authorize(origin, ADMINISTRATOR)
    assert page.status == 200 and "Your account passes synchronization validation" in page.text, title(page)
    api = Api(origin, first_token(emulator, table))
    (found,) = api.get("/api/v1/directories")["items"]
    directory = f"/api/v1/directories/{found['id']}"
    (first,) = until("the authorization asks for a run", lambda: api.get(f"{directory}/runs")["items"])
    assert ended(api, directory, first["id"])["state"] == "succeeded"

    step("publishing users and groups")
    settings = {"sync_users": True, "sync_groups": True, "sync_groups_without_email": True}
    run = api.call("PUT", f"{directory}/settings", settings)["run"]
    assert ended(api, directory, run)["state"] == "succeeded"
    assert active(api, directory) == expected_active(tenant)

    step("asking for a guest by name")
    names = {user["userPrincipalName"]: user["id"] for user in tenant.control("truth")["users"] if not user["deleted"]}
    guest = next(name for name in names if "#EXT#" in name)
    for path in (f"users/{quote(guest)}/access", f"access?user={quote(guest)}"):
        assert api.get(f"{directory}/{path}")["user"] == names[guest], path
        twice = ask("GET", f"{origin}{directory}/{path.replace('%', '%25')}", {"Authorization": f"Bearer {api.token}"})
        assert twice.status == 404, f"{path}: {twice.status} {twice.text}"

    scim = api.get(f"/scim/v2/{found['id']}/Users?filter=active%20eq%20true&count=0")
    assert scim["totalResults"] == len(expected_active(tenant)), scim

    step("waiting for the schedule")
    user = next(iter(expected_active(tenant) - set(administrators.values())))
    tenant.control("actions", {"action": "disableUser", "user": user})
    by_schedule = lambda: [run for run in api.get(f"{directory}/runs")["items"] if run["trigger"] == "schedule"]
    until("the schedule asks for a run", by_schedule, 200, 2)
    until("the change is seen", lambda: active(api, directory) == expected_active(tenant), 90)

    step("failing over to another administrator")
    assert "passes synchronization validation" in authorize(origin, BACKUP).text
    used = ended(api, directory, api.call("POST", f"{directory}/runs", {})["id"])["credential"]
    (other,) = {administrators[ADMINISTRATOR], administrators[BACKUP]} - {used}
    tenant.control("actions", {"action": "disableUser", "user": used})
    tenant.control("actions", {"action": "expireAccessTokens", "administrator": used})
    record = ended(api, directory, api.call("POST", f"{directory}/runs", {})["id"])
    assert (record["state"], record["credential"]) == ("succeeded", other), record
    assert used not in active(api, directory)
    until("somebody is told", lambda: any("only one authorization is left" in subject for subject in told()), 60)

    step("sending what is no request, until it is given up")
    sqs = emulator.client("sqs")
    # Instead of waiting for 16 minutes between two attempts.
    sqs.set_queue_attributes(QueueUrl=outputs["QueueUrl"], Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=outputs["QueueUrl"], MessageBody="no request")

    def dead():
        messages = sqs.receive_message(QueueUrl=outputs["DeadLetterQueueUrl"], VisibilityTimeout=0).get("Messages", [])
        return [message["Body"] for message in messages]

    assert until("it is in the dead-letter queue", dead, 90, 1) == ["no request"]

    step("reading the logs")
    lines = log_lines(emulator)
    stored = [registration["clientSecret"], api.token]
    vault = emulator.client("secretsmanager")
    for secret in vault.list_secrets(MaxResults=100)["SecretList"]:
        stored.append(vault.get_secret_value(SecretId=secret["Name"])["SecretString"])
    for line in lines:
        assert not any(value in line for value in stored), "a secret is in a log"
        assert not re.search(r"[\w.+-]+@[\w-]+\.[\w.]+", line), f"an address is in a log: {line}"
    figures = {name for line in lines if '"_aws"' in line for name in json.loads(line)}
    assert {"RunsSucceeded", "Directories", "DirectoriesNotSynced", "Failovers"} <= figures, figures

    step("going back to a backup")
    database = emulator.client("dynamodb")
    backup = database.create_backup(TableName=table, BackupName="before")["BackupDetails"]["BackupArn"]
    cursor = api.get(f"{directory}/changes")["next_cursor"]
    gone = next(iter(active(api, directory) - set(administrators.values())))
    tenant.control("actions", {"action": "disableUser", "user": gone})
    ended(api, directory, api.call("POST", f"{directory}/runs", {})["id"])
    assert gone not in active(api, directory)
    restored = f"{STACK}-restored"
    database.restore_table_from_backup(TargetTableName=restored, BackupArn=backup)
    until("the table is restored", lambda: database.describe_table(TableName=restored)["Table"]["TableStatus"] == "ACTIVE")
    said, outputs = deploy(emulator, [("Deploy this changeset?", "y")], {"RestoredTable": restored})
    assert "has a value already" in said and outputs["TableName"] == restored, "everything else is as it was"
    dashboard = json.loads(emulator.client("cloudwatch").get_dashboard(DashboardName=STACK)["DashboardBody"])
    assert restored in json.dumps(dashboard), "the dashboard shows the table in use"
    assert gone in active(api, directory), "what is published is that of the backup"
    assert ended(api, directory, api.call("POST", f"{directory}/runs", {})["id"])["state"] == "succeeded"
    assert active(api, directory) == expected_active(tenant), "the next run brings it up to date"
    answer = ask("GET", f"{origin}{directory}/changes?since={cursor}", {"Authorization": f"Bearer {api.token}"})
    assert answer.status == 410, "whoever follows is told to start over"

    step("erasing a directory")
    for words in ("Deleted", "nothing of"):
        assert words in in_terminal("erase", ["--table", restored, "--directory", found["id"], "--yes"], emulator)
    left = database.scan(TableName=restored)["Items"]
    assert not any(found["id"] in json.dumps(item) for item in left), left
    assert api.get("/api/v1/directories")["items"] == []

    step("removing the stack")
    cloudformation = emulator.client("cloudformation")
    cloudformation.delete_stack(StackName=STACK)
    until("the functions are gone", lambda: not emulator.client("lambda").list_functions()["Functions"])
    assert database.scan(TableName=table, Select="COUNT")["Count"] > 0, "the table outlives the stack"


def main():
    tenant_program, gateway_program = sys.argv[1:]
    with open(os.environ.get("EMULATOR_LOG", os.devnull), "wb") as log:
        with running(tenant_program) as tenant, Emulator(log) as emulator:
            try:
                # The emulator's own gateway is kinder than the real one: this one stands in its place.
                with running(gateway_program, emulator.url, REGION, STACK) as origin:
                    prove(emulator, Tenant(*tenant.split()), origin)
            except (AssertionError, SystemExit):
                print("What the functions have logged that is no good:", *complaints(emulator), sep="\n")
                raise
    step("all of it holds")


if __name__ == "__main__":
    main()
