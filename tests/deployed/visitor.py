"""Requests from outside: to the API as deployed, to the simulated tenant, and by a browser that follows redirects."""

import http.client
import json
from urllib.parse import urlsplit


def ask(method, url, headers=None, body=None):
    """One request, without following redirects. Names below localhost lead to this machine (RFC 6761)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
    target = parts.path or "/"
    if parts.query:
        target += "?" + parts.query
    connection.request(method, target, body=body, headers={"Host": parts.netloc, **(headers or {})})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


class Api:
    """The API, asked with a token."""

    def __init__(self, origin, token):
        self.origin, self.token = origin, token

    def call(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        answer = ask(method, self.origin + path, headers, None if body is None else json.dumps(body))
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.text}"
        return json.loads(answer.text)

    def get(self, path):
        return self.call("GET", path)


class Tenant:
    """The simulated Microsoft 365 tenant, by its control interface."""

    def __init__(self, origin, secret):
        self.origin, self.secret = origin, secret

    def control(self, path, body=None):
        method = "GET" if body is None else "POST"
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        answer = ask(method, f"{self.origin}/control/{path}", headers, None if body is None else json.dumps(body))
        assert answer.status == 200, f"{path}: {answer.text}"
        return json.loads(answer.text)


def authorize(origin, account):
    """Authorizes as a browser does, and returns the last page."""
    url, cookies = f"{origin}/oauth/authorize?login_hint={account}", []
    for _ in range(8):
        ours = url.startswith(origin)
        answer = ask("GET", url, {"Cookie": "; ".join(cookies)} if ours and cookies else {})
        if ours:
            cookies += [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
        if answer.status not in (302, 303):
            return answer
        url = answer.getheader("Location")
    raise AssertionError("the authorization goes round in circles")
