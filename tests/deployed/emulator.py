"""An AWS on this machine (ministack), and the stack that infra/deploy makes in it."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import pexpect
from botocore.config import Config

INFRA = os.path.join(os.path.dirname(__file__), "..", "..", "infra")
REGION = "eu-central-1"
STACK = "office365-sync"
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


def in_terminal(script, arguments, emulator, answers=()):
    """Runs a script of infra/ in a terminal and returns what it says. `answers` are pairs: what it asks, and what somebody answers."""
    said = io.StringIO()
    terminal = pexpect.spawn(
        os.path.join(INFRA, script),
        arguments,
        env=os.environ | emulator.environment,
        timeout=300,
        encoding="utf-8",
        dimensions=(50, 250),
    )
    terminal.logfile_read = said
    try:
        for question, answer in answers:
            terminal.expect_exact(question)
            terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
    except (pexpect.EOF, pexpect.TIMEOUT):
        sys.exit(f"infra/{script} did not ask what was expected:\n{said.getvalue()}")
    terminal.close()
    if terminal.exitstatus != 0:
        sys.exit(f"infra/{script} has failed:\n{said.getvalue()}")
    return said.getvalue()


def deploy(emulator, answers, parameters):
    """Makes or changes the stack; returns what is said, and the outputs."""
    given = [f"{name}={value}" for name, value in parameters.items()]
    said = in_terminal("deploy", [STACK, "--parameter-overrides", *given], emulator, answers)
    (stack,) = emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return said, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
