"""Reads a running stack by SCIM with scim2-client, and runs the read checks of scim2-tester.

Environment: SYNC_API (the origin) and SYNC_TOKEN (a token of scope read or admin).
"""

import os
import sys

import httpx2
import scim2_tester.utils as tester
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import Error, SearchRequest
from scim2_tester import Status, check_server

PAGE = 7
# Checks of what is refused here. That it is refused is checked below.
WRITES = {"object_creation", "object_replacement", "object_deletion"}

api = os.environ["SYNC_API"]
headers = {"Authorization": f"Bearer {os.environ['SYNC_TOKEN']}"}
plain = httpx2.Client(base_url=api, headers=headers)


def known(of):
    """All entries of a listing of the JSON API, by id."""
    entries, query = {}, {"limit": 1000}
    while True:
        page = plain.get(of, params=query).raise_for_status().json()
        entries.update({entry["id"]: entry for entry in page["items"]})
        if not page["next_cursor"]:
            return entries
        query["cursor"] = page["next_cursor"]


def check(holds, what):
    if not holds:
        sys.exit(f"conformance: {what}")


directory = f"/api/v1/directories/{plain.get('/api/v1/directories').json()['items'][0]['id']}"
base = directory.replace("/api/v1/directories", f"{api}/scim/v2")
client = SyncSCIMClient(httpx2.Client(base_url=base, headers=headers))
client.discover()
User, Group = client.get_resource_model("User"), client.get_resource_model("Group")


def by_place(model, ask):
    found = {}
    while True:
        page = ask(model, SearchRequest(start_index=len(found) + 1, count=PAGE))
        found.update({resource.id: resource for resource in page.resources or []})
        if len(found) >= page.total_results:
            return found


def by_cursor(model):
    found, cursor = {}, ""
    while cursor is not None:
        kind = "Users" if model is User else "Groups"
        page = plain.get(f"{base}/{kind}", params={"cursor": cursor, "count": PAGE}).raise_for_status().json()
        found.update({resource["id"]: resource for resource in page["Resources"]})
        cursor = page.get("nextCursor")
    return found


users, groups = known(f"{directory}/users"), known(f"{directory}/groups")
for way, read in {
    "GET": lambda model, query: client.query(model, query_parameters=query),
    "POST": lambda model, query: client.search(query) if model is None else client.query(model, query_parameters=query),
}.items():
    read_users = by_place(User, read)
    check(read_users.keys() == users.keys(), f"{way} reads other users")
    for id, user in read_users.items():
        check(user.active == (users[id]["status"] == "active"), f"{id} is otherwise by SCIM")
        check(user.user_name == users[id]["user_principal_name"], f"{id} has another name")
    read_groups = by_place(Group, read)
    check(read_groups.keys() == groups.keys(), f"{way} reads other groups")
    for id, group in read_groups.items():
        members = {member.value for member in group.members or [] if member.type == "User"}
        check(members == known(f"{directory}/groups/{id}/members").keys(), f"{id} has other members")
check(by_cursor(User).keys() == users.keys(), "cursors read other users")
check(by_cursor(Group).keys() == groups.keys(), "cursors read other groups")

one = next(iter(read_users.values()))
found = client.query(User, query_parameters=SearchRequest(filter=f'userName eq "{one.user_name.upper()}"'))
check(one.id in {user.id for user in found.resources}, "nobody is found by name")
for ask in [
    lambda: client.create(User(user_name="new@contoso.example"), raise_scim_errors=False),
    lambda: client.delete(User, one.id, raise_scim_errors=False, expected_status_codes=None),
]:
    answer = ask()
    check(isinstance(answer, Error) and answer.status == 501, f"writing is not refused: {answer}")

# The checks begin by creating a resource: they are given one that exists.
existing = {"User": one, "Group": next(iter(read_groups.values()))}
tester.ResourceManager.create_and_register = lambda self, model, fill_all=False: existing[model.__name__.split("[")[0]]
tester.ResourceManager.cleanup = lambda self: None
passed = skipped = 0
failed = []
for result in check_server(client):
    if result.title in WRITES or result.status is Status.SKIPPED:
        skipped += 1
        print(f"not applicable: {result.title} of {result.resource_type}")
    elif result.status in (Status.ERROR, Status.CRITICAL, Status.DEVIATION):
        failed.append(f"{result.title}: {result.reason}")
    else:
        passed += 1
check(not failed, "scim2-tester found:\n" + "\n".join(failed))
check(passed > 20, f"only {passed} checks passed")
print(f"{len(users)} users and {len(groups)} groups read; {passed} checks passed, {skipped} do not apply")
