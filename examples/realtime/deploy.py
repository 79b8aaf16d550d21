#!/usr/bin/env python3
"""Starts, stops and watches the server of this example, as a program or in Docker.

Natively (the default) the server runs in the background; its process id, log and data are in
.lentil/ beside this file. The port is that of CONVEX_SELF_HOSTED_URL in .env (3210 if there is
none), and HTTP actions are on the next one.
"""

import argparse
import collections
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

FOLDER = os.path.dirname(os.path.abspath(__file__))
STATE = os.path.join(FOLDER, ".lentil")
DATA = os.path.join(STATE, "data")
PID_FILE = os.path.join(STATE, "server.pid")
LOG_FILE = os.path.join(STATE, "server.log")

DEFAULT_URL = "http://127.0.0.1:3210"
START_LIMIT_S = 60
"""How long the server may take to answer, recovery of its data included."""
STOP_LIMIT_S = 15
"""How long it may take to end after SIGTERM before it is killed."""
POLL_S = 0.1
"""How often a process that is not our child is asked about; it can send us no event."""


class Problem(Exception):
    """What went wrong and what to do, for the person at the terminal."""


# Natively.


def up():
    pid = running_pid()
    if pid:
        print("The server is running already (process %d) at %s." % (pid, url()))
        return
    if version():
        raise Problem(
            "Something else answers at %s. Stop it, or change the port in .env "
            "(CONVEX_SELF_HOSTED_URL and VITE_CONVEX_SELF_HOSTED_URL)." % url()
        )
    binary = find_binary()
    os.makedirs(STATE, exist_ok=True)
    port = server_port()
    command = [
        binary, "serve", "--data", DATA, "--port", str(port), "--site-port", str(port + 1),
    ]
    # The log of the start before is kept; the file begins anew so that it does not grow for ever.
    if os.path.exists(LOG_FILE):
        os.replace(LOG_FILE, LOG_FILE + ".old")
    # It prints the admin key at first start, so nobody else may read it.
    log_descriptor = os.open(LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    with os.fdopen(log_descriptor, "ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=dict(os.environ, NO_COLOR="1"),
        )
    with open(PID_FILE, "w", encoding="ascii") as file:
        file.write("%d\n" % child.pid)
    wait_until_it_answers(child)
    print("The server is up.\n")
    print("  API and sync   %s" % url())
    print("  Log            python3 deploy.py logs")
    if not read_environment().get("CONVEX_SELF_HOSTED_ADMIN_KEY"):
        print("\nNext: npm run gen-admin-key")


def wait_until_it_answers(child):
    start = time.monotonic()
    while time.monotonic() - start < START_LIMIT_S:
        if child.poll() is not None:
            remove_pid_file()
            raise Problem("The server ended at once:\n\n" + log_tail(20))
        if version():
            return
        time.sleep(POLL_S)
    raise Problem(
        "The server runs but does not answer at %s after %d s. `python3 deploy.py logs` shows what "
        "it does; `python3 deploy.py down` stops it." % (url(), START_LIMIT_S)
    )


def down():
    pid = running_pid()
    if not pid:
        remove_pid_file()
        print("The server is not running.")
        return
    os.kill(pid, signal.SIGTERM)
    start = time.monotonic()
    while running_pid():
        if time.monotonic() - start > STOP_LIMIT_S:
            print("It does not end; killing it. Nothing that was acknowledged is lost.")
            os.kill(pid, signal.SIGKILL)
            start = time.monotonic()
        time.sleep(POLL_S)
    remove_pid_file()
    print("The server is stopped. Its data is kept in %s." % os.path.relpath(DATA))


def restart():
    down()
    up()


def status():
    pid = running_pid()
    answer = version()
    if pid and answer:
        print("up: process %d answers at %s (version %s)" % (pid, url(), answer))
        return 0
    if pid:
        print("starting or stuck: process %d runs but nothing answers at %s" % (pid, url()))
        return 1
    if answer:
        print("down; but a server that deploy.py has not started answers at %s" % url())
        return 3
    print("down")
    return 3


def logs(follow):
    if not os.path.exists(LOG_FILE):
        raise Problem("There is no log yet. `python3 deploy.py up` starts the server.")
    print(log_tail(200), end="")
    if follow:
        os.execvp("tail", ["tail", "-n", "0", "-F", LOG_FILE])
    return 0


def running_pid():
    """The process id of our server, or None. An id that another program has got since is not ours."""
    try:
        with open(PID_FILE, encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return pid if DATA in command_line(pid) else None


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        # Not Linux; or it has just ended, and then ps says nothing.
        listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        try:
            return subprocess.run(listing, stdout=subprocess.PIPE, check=False).stdout.decode()
        except FileNotFoundError:
            return ""


def remove_pid_file():
    try:
        os.remove(PID_FILE)
    except FileNotFoundError:
        pass


def log_tail(count):
    with open(LOG_FILE, encoding="utf-8", errors="replace") as file:
        return "".join(collections.deque(file, maxlen=count))


def find_binary():
    given = os.environ.get("LENTIL_BIN")
    if given:
        if not os.path.isfile(given):
            raise Problem("LENTIL_BIN is %s, which does not exist." % given)
        return os.path.abspath(given)
    for profile in ("release", "debug"):
        built = os.path.normpath(os.path.join(FOLDER, "../../target", profile, "lentil"))
        if os.path.isfile(built):
            return built
    found = shutil.which("lentil")
    if not found:
        raise Problem(
            "There is no lentil binary. Build it (`cargo build --release` at the top of the "
            "repository), set LENTIL_BIN, or use --docker."
        )
    return found


def read_environment():
    """.env as the CLI reads it; the shell's variables win."""
    values = {}
    for name in (".env", ".env.local"):
        try:
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                lines = file.readlines()
        except FileNotFoundError:
            continue
        for line in lines:
            match = re.match(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$", line)
            if match:
                quoted = re.match(r"(['\"])(.*?)\1", match.group(2))
                plain = re.sub(r"(^|\s+)#.*$", "", match.group(2))
                values[match.group(1)] = quoted.group(2) if quoted else plain
    values.update(os.environ)
    return values


def url():
    return read_environment().get("CONVEX_SELF_HOSTED_URL") or DEFAULT_URL


def server_port():
    parts = urllib.parse.urlsplit(url())
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise Problem(
            "CONVEX_SELF_HOSTED_URL is %s, which is not this machine; there is nothing to start "
            "here." % url()
        )
    if port == 0 or port == 65535:
        raise Problem("CONVEX_SELF_HOSTED_URL is %s, whose port cannot be used." % url())
    return port or 80


def version():
    """What GET /version says, or None if nothing answers."""
    # Without proxies: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url().rstrip("/") + "/version", timeout=2) as answer:
            return answer.read(200).decode(errors="replace").strip() or "unknown"
    except (OSError, ValueError, urllib.error.URLError):
        return None


# In Docker.


def compose(*arguments):
    docker = ["docker", "compose"]
    try:
        probe = subprocess.run(
            docker + ["version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        raise Problem("There is no docker command. Install Docker, or leave out --docker.") from None
    if probe.returncode != 0:
        raise Problem("This Docker has no compose plugin. Install it, or leave out --docker.")
    return subprocess.run(docker + list(arguments), cwd=FOLDER, check=False).returncode


DOCKER = {
    "up": lambda _: compose("up", "--detach", "--build", "--wait"),
    "down": lambda _: compose("down"),
    "restart": lambda _: compose("restart") or compose("up", "--detach", "--wait"),
    "status": lambda _: compose("ps"),
    "logs": lambda options: compose("logs", "--tail", "200", *(["--follow"] if options.follow else [])),
}

NATIVE = {
    "up": lambda _: up(),
    "down": lambda _: down(),
    "restart": lambda _: restart(),
    "status": lambda _: status(),
    "logs": lambda options: logs(options.follow),
}

COMMANDS = [
    ("up", "start the server in the background and wait until it answers"),
    ("down", "stop it; data is kept"),
    ("restart", "stop and start it"),
    ("status", "tell whether it runs (exit code 0) or not (3)"),
    ("logs", "show its last 200 log lines"),
]


def parse_arguments():
    docker = argparse.ArgumentParser(add_help=False)
    docker.add_argument(
        "--docker", action="store_true", default=argparse.SUPPRESS,
        help="use docker compose and the docker-compose.yml beside this file",
    )
    parser = argparse.ArgumentParser(
        description="Start, stop and watch the server of this example.", parents=[docker]
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS:
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".", parents=[docker])
        if name == "logs":
            command.add_argument("-f", "--follow", action="store_true", help="go on showing new ones")
    options = parser.parse_args()
    if options.command is None:
        parser.print_help()
        sys.exit(2)
    return options


def main():
    options = parse_arguments()
    commands = DOCKER if getattr(options, "docker", False) else NATIVE
    try:
        return commands[options.command](options) or 0
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as error:
        print("deploy.py: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
