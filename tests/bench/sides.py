"""The programs of the bench: who they are, how each is started, watched and ended.

Everything runs on 127.0.0.1. The server that is measured has the first core of this machine for
itself; the load, the services and this script share the second. A program ends when the bench does,
however that ends: the kernel sends it SIGTERM when its parent is gone.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVICES = ("profiles", "posts", "recommendations", "notifications", "ads", "analytics")
MODULES = pathlib.Path("/usr/lib/nginx/modules")
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
NODE = shutil.which("node")
NPM = shutil.which("npm")
NODE_AT_LEAST = (20, 18, 1)
INSTALL = {
    "nginx": "apt-get install --no-install-recommends nginx-light libnginx-mod-http-lua lua-cjson",
    "fastify": "Node.js 20.18.1 or newer with npm, and npm's registry within reach: the first "
               "bench fetches Fastify and undici into build/bench/fastify",
}
USERS = range(1001, 1513)
PATIENCE_S = 10
NPM_PATIENCE_S = 90


class BenchError(Exception):
    """Why nothing can be measured: one finished sentence."""


class LoadError(BenchError):
    """Not every answer of one run was a good one."""


class Ports:
    """Fixed places from one base, so that two benches never meet by accident."""

    COUNT = 80

    def __init__(self, base):
        self.issuer, self.services = base, base + 10
        self.ours, self.admin = base + 20, base + 21
        self.nginx, self.floor, self.fastify = base + 22, base + 23, base + 24
        self.spare = base + 30  # for what one part of the bench starts for itself
        self.all = range(base, base + self.COUNT)

    def require_free(self):
        """A stale server would share its port silently, and half of the load would go there."""
        for port in self.all:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise BenchError(f"Port {port} cannot be had: {error.strerror}. "
                                     "--port BASE moves them all.") from None


def ask(port, path, token=None, order=None):
    """(status, body) of a GET, or of a POST of `order` as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        if order is None:
            connection.request("GET", path, headers=headers)
        else:
            connection.request("POST", path, json.dumps(order), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Program:
    """One running program and its children; `with` ends it."""

    def __init__(self, name, argv, core, log):
        self.name, self.log = name, log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), "setpriv", "--pdeathsig", "TERM", *map(str, argv)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def pids(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu_s(self):
        """User and system time of all its processes, from the kernel's own count in nanoseconds:
        /proc/PID/stat has the same in ticks of 10 ms (see clock_getcpuclockid(3) for the id)."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def resident_kb(self):
        lines = [line for pid in self.pids()
                 for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def wait_until_ready(self, port, path="/", token=None):
        """Until it answers anything but 503."""
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                break
            try:
                if ask(port, path, token)[0] != 503:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        said = pathlib.Path(self.log).read_text(errors="replace").strip().splitlines()[-5:]
        raise BenchError(f"{self.name} does not serve. It said:\n" + "\n".join(said))


class Bench:
    """Where everything is, and how each program is started."""

    def __init__(self, build, ports, cores):
        self.build, self.ports = pathlib.Path(build).resolve(), ports
        self.server_core, self.load_core = cores
        self.folder = self.build / "bench"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token_file = self.folder / "tokens"
        self.answer_file = self.folder / "answer.json"

    def start(self, name, argv, core, port, path="/", token=None):
        """Started and ready to answer at `port`."""
        program = Program(name, argv, core, self.folder / f"{name}.log")
        try:
            program.wait_until_ready(port, path, token)
        except BaseException:
            program.__exit__()
            raise
        return program

    def start_issuer(self):
        """bff-mocks for its token issuer alone, and tokens that outlast the bench: one for each of
        many users, since equal questions of one user at one moment are asked once."""
        port = self.ports.issuer
        issuer = self.start("issuer", [self.build / "bff-mocks", "--port", port], self.load_core,
                            port)
        self.token_file.unlink(missing_ok=True)
        descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT, 0o600)
        with open(descriptor, "w", encoding="ascii") as out:
            for user in USERS:
                order = {"sub": str(user), "scope": "feed:read", "ttl_s": 3600}
                print(json.loads(ask(port, "/token", order=order)[1])["access_token"], file=out)
        return issuer

    def token(self):
        return self.token_file.read_text(encoding="ascii").split()[0]

    def start_services(self, bodies, delay_ms=0, port=None, name="services"):
        port = port or self.ports.services
        argv = [self.build / "tests/bench/upstream", "--port", port,
                "--bodies", self.folder / bodies, "--delay-ms", delay_ms]
        return self.start(name, argv, self.load_core, port, "/counts")

    def start_ours(self, name="ours", program="bff-mobile", conf=HERE / "bff.conf", port=None,
                   admin=None, services=None, known=SERVICES, **settings):
        """One of our servers. `known` are the services that its settings have, at the ports from
        `services` on; a setting's "." is written "__"."""
        access = self.folder / f"{name}-access.log"
        access.unlink(missing_ok=True)  # it grows by a line for each request
        issuer = f"http://127.0.0.1:{self.ports.issuer}"
        admin, services = admin or self.ports.admin, services or self.ports.services
        settings = {
            "listen.port": port or self.ports.ours,
            "admin.port": admin,
            "token.issuer": issuer,
            "token.jwks_url": f"{issuer}/.well-known/jwks.json",
            "log.access": access,
        } | {f"services.{service}.url": f"http://127.0.0.1:{services + SERVICES.index(service)}"
             for service in known} | {key.replace("__", "."): value
                                      for key, value in settings.items()}
        argv = [self.build / program, "--config", conf]
        for key, value in settings.items():
            argv += ["--set", f"{key}={value}"]
        return self.start(name, argv, self.server_core, admin, "/readyz")

    def start_nginx(self):
        folder = self.folder / "nginx"
        folder.mkdir(exist_ok=True)
        words = {"modules": MODULES, "folder": folder, "lua": HERE / "feed.lua",
                 "port": self.ports.nginx} | {
                     name: self.ports.services + i for i, name in enumerate(SERVICES)}
        text = (HERE / "nginx.conf").read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        argv = [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "nginx.log"]
        return self.start("nginx", argv, self.server_core, self.ports.nginx)

    def start_fastify(self):
        argv = ["env", "NODE_ENV=production", NODE, self.folder / "fastify/feed.js",
                self.ports.fastify, self.ports.services]
        program = self.start("fastify", argv, self.server_core, self.ports.fastify)
        with contextlib.suppress(LoadError):  # its code is compiled while it runs
            self.load(self.ports.fastify, 32, 4000, requests=3000)
        return program

    def start_floor(self):
        argv = [self.build / "tests/bench/floor", "--port", self.ports.floor,
                "--services", self.ports.services, "--answer", self.answer_file]
        return self.start("floor", argv, self.server_core, self.ports.floor)

    def asking(self, program, port, connections, path, *options):
        """The command line of load or idle."""
        argv = [self.build / "tests/bench" / program, "--port", port, "--path", path,
                "--token", self.token_file, "--connections", connections, *options]
        return ["taskset", "-c", str(self.load_core), *map(str, argv)]

    def load(self, port, connections, ms, rate=0, path="/v1/feed", requests=10**7):
        """What one run of the load measured, as it printed it."""
        argv = self.asking("load", port, connections, path, "--ms", ms, "--rate", rate,
                           "--requests", requests)
        done = subprocess.run(argv, capture_output=True, text=True,
                              timeout=ms / 1000 + 2 * PATIENCE_S)
        if done.returncode:
            raise LoadError(f"The load on port {port} failed: {done.stdout}{done.stderr}".strip())
        return json.loads(done.stdout)

    def flood(self, port, budget_ms, ms, rates):
        """What became of the requests for each path: {path: {outcome: count}}, and the share of a
        core that asking them took; `rates` are {path: requests a second}."""
        argv = ["taskset", "-c", self.load_core, self.build / "tests/bench/flood", "--port", port,
                "--token", self.token_file, "--budget-ms", budget_ms, "--ms", ms,
                *(f"{path}={rate:.0f}" for path, rate in rates.items())]
        done = subprocess.run([*map(str, argv)], capture_output=True, text=True,
                              timeout=ms / 1000 + 2 * PATIENCE_S)
        if done.returncode:
            raise BenchError(f"The flood on port {port} failed: {done.stderr}".strip())
        said = json.loads(done.stdout)
        busy = said.pop("busy")
        return said, busy

    def start_refusing(self, turn_ms):
        argv = [self.build / "tests/bench/refuse", "--port", self.ports.floor, "--turn-ms", turn_ms]
        return self.start("refuse", argv, self.server_core, self.ports.floor)

    # ---- peers that may be missing ----

    def nginx_is_there(self):
        wanted = ("ndk_http_module.so", "ngx_http_lua_module.so")
        has_cjson = any(pathlib.Path("/usr/lib").glob("*/lua/5.1/cjson.so"))
        return (NGINX is not None and has_cjson
                and all((MODULES / name).exists() for name in wanted))

    def fastify_is_there(self):
        """True when its packages are installed; fetches them where that is possible."""
        if not NODE or not NPM or node_version() < NODE_AT_LEAST:
            return False
        folder, source = self.folder / "fastify", HERE / "fastify"
        folder.mkdir(exist_ok=True)
        for name in ("package.json", "feed.js"):
            shutil.copy(source / name, folder / name)
        wanted = json.loads((source / "package.json").read_text("utf-8"))["dependencies"]
        if all(installed_version(folder, name) == version for name, version in wanted.items()):
            return True
        argv = [NPM, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
                "--fetch-retries=1", "--fetch-timeout=20000"]
        try:
            return subprocess.run(argv, cwd=folder, capture_output=True,
                                  timeout=NPM_PATIENCE_S).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def peers(self):
        """{name: function that starts it}, of those that are installed here."""
        known = {"nginx": (self.nginx_is_there, self.start_nginx),
                 "fastify": (self.fastify_is_there, self.start_fastify)}
        return {name: start for name, (is_there, start) in known.items() if is_there()}


def node_version():
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True).stdout
    return tuple(int(number) for number in said.strip().lstrip("v").split(".")[:3])


def installed_version(folder, name):
    try:
        text = (folder / "node_modules" / name / "package.json").read_text("utf-8")
    except OSError:
        return None
    return json.loads(text)["version"]
