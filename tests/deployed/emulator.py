"""An AWS on this machine (ministack), and the stack of infra/template.yaml in it."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile

import boto3
import yaml
from botocore.config import Config

REGION = "eu-central-1"
STACK = "office365-sync"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
FUNCTIONS = ("oauth", "sync", "status", "console")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until(what, look, seconds=60, pause=0.25):
    """What `look` answers, as soon as it is true."""
    last = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > last:
            sys.exit(f"waited {seconds} seconds in vain: {what}")
        time.sleep(pause)


class Emulator:
    """A running emulator, on loopback only. It ends with the `with` block."""

    def __init__(self, log):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # The functions inherit it, so there is nothing else in it.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
        }
        program = os.path.join(os.path.dirname(sys.executable), "ministack")
        self.process = subprocess.Popen(
            [program], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )

    def __enter__(self):
        def answers():
            try:
                return urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2).read()
            except OSError:
                return None

        until("the emulator answers", answers, 30)
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def environment(self):
        """What leads the AWS CLI here."""
        secret = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        return secret | {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": REGION}

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}),
        )


class Tagged(yaml.SafeLoader):
    """Reads a template with its short forms of intrinsic functions, and writes them out."""


def intrinsic(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Tagged.add_multi_constructor("!", intrinsic)


def packaged(template, binaries, s3):
    """The template as `sam package` makes it: CodeUri names what was put into a bucket, and nothing else differs."""
    with open(template) as file:
        document = yaml.load(file, Tagged)
    s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    for name in FUNCTIONS:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            with open(os.path.join(binaries, name, "bootstrap"), "rb") as binary:
                archive.writestr(entry, binary.read())
        s3.put_object(Bucket="artifacts", Key=f"{name}.zip", Body=packed.getvalue())
        document["Resources"][f"{name.capitalize()}Function"]["Properties"]["CodeUri"] = f"s3://artifacts/{name}.zip"
    return json.dumps(document)


def deploy(emulator, template, binaries, parameters):
    """Creates the stack and returns its outputs."""
    cloudformation = emulator.client("cloudformation")
    body = packaged(template, binaries, emulator.client("s3"))
    # Too long for the request itself, as at AWS (51,200 bytes).
    emulator.client("s3").put_object(Bucket="artifacts", Key="template.json", Body=body.encode())
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{emulator.url}/artifacts/template.json",
        Capabilities=CAPABILITIES,
        Parameters=listed(parameters),
    )
    stack = settled(cloudformation, "CREATE_COMPLETE")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def update(emulator, parameters):
    """Changes parameters of the stack."""
    cloudformation = emulator.client("cloudformation")
    cloudformation.update_stack(
        StackName=STACK, UsePreviousTemplate=True, Capabilities=CAPABILITIES, Parameters=listed(parameters)
    )
    settled(cloudformation, "UPDATE_COMPLETE")


def listed(parameters):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


def settled(cloudformation, expected):
    """The stack, once it stands as expected."""

    def look():
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        return stack if not stack["StackStatus"].endswith("IN_PROGRESS") else None

    stack = until("the stack settles", look, 120)
    if stack["StackStatus"] != expected:
        for event in cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]:
            print(event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        sys.exit(f"the stack is {stack['StackStatus']}")
    return stack
