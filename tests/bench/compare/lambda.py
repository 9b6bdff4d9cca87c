"""What one would write instead: a Lambda-style script that copies users, groups and members into a table.

Microsoft's own Graph SDK and boto3, with paging, many groups at once, and batch writes. It reads everything each time and writes everything
each time; it keeps no delta links, decides nothing and deactivates nobody.
"""

import asyncio
import json
import os
import sys
import time

import boto3
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder
from msgraph.generated.groups.item.members.members_request_builder import MembersRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder

USER_FIELDS = ["id", "accountEnabled", "displayName", "givenName", "surname", "userPrincipalName", "mail", "proxyAddresses",
               "jobTitle", "department", "companyName", "employeeId", "userType"]
AT_ONCE = 16


class Token(AuthenticationProvider):
    async def authenticate_request(self, request, additional_authentication_context=None):
        request.headers.try_add("Authorization", f"Bearer {os.environ['ACCESS_TOKEN']}")


async def pages(builder, parameters):
    answer = await builder.get(request_configuration=RequestConfiguration(query_parameters=parameters))
    while answer:
        for one in answer.value or []:
            yield one
        answer = await builder.with_url(answer.odata_next_link).get() if answer.odata_next_link else None


async def read(graph):
    users = [user async for user in pages(graph.users, UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        select=USER_FIELDS, top=999))]
    groups = [group async for group in pages(graph.groups, GroupsRequestBuilder.GroupsRequestBuilderGetQueryParameters(
        select=["id", "displayName", "mail"], top=999))]
    gate = asyncio.Semaphore(AT_ONCE)

    async def members(group):
        async with gate:
            parameters = MembersRequestBuilder.MembersRequestBuilderGetQueryParameters(select=["id"], top=999)
            return group, [member.id async for member in pages(graph.groups.by_group_id(group.id).members, parameters)]

    return users, groups, await asyncio.gather(*[members(group) for group in groups])


def write(table, users, groups, memberships):
    with table.batch_writer() as batch:
        for user in users:
            batch.put_item(Item={
                "pk": "USERS", "sk": user.id, "enabled": bool(user.account_enabled), "name": user.display_name or "",
                "login": user.user_principal_name or "", "mail": user.mail or "", "addresses": user.proxy_addresses or [],
                "job": user.job_title or "", "department": user.department or "", "company": user.company_name or "",
                "number": user.employee_id or "", "type": user.user_type or "", "given": user.given_name or "", "surname": user.surname or "",
            })
        for group in groups:
            batch.put_item(Item={"pk": "GROUPS", "sk": group.id, "name": group.display_name or "", "mail": group.mail or ""})
        for group, members in memberships:
            for member in members:
                batch.put_item(Item={"pk": f"GROUP#{group.id}", "sk": member})


async def main():
    adapter = GraphRequestAdapter(Token())
    adapter.base_url = f"{os.environ['GRAPH_URL']}/v1.0"
    graph = GraphServiceClient(request_adapter=adapter)
    began = time.monotonic()
    users, groups, memberships = await read(graph)
    was_read = time.monotonic()
    write(boto3.resource("dynamodb", endpoint_url=os.environ["DYNAMODB_URL"], region_name="local").Table("compare"), users, groups, memberships)
    json.dump({
        "users": len(users), "groups": len(groups), "memberships": sum(len(members) for _, members in memberships),
        "read_seconds": was_read - began, "seconds": time.monotonic() - began,
    }, sys.stdout)


asyncio.run(main())
