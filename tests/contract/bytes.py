#!/usr/bin/python3
"""Proves that no answer is larger than its shape's x-max-bytes, plain and under gzip.

Every one of the mocks' users asks for a page of the usual size and for the largest one, with and
without gzip. What is too large must have lost elements from the ends of its lists and nothing else,
must be counted as often as that happened, and the usual page must not lose anything.
"""
import gzip
import http.client
import json
import re
import sys
import tempfile
import time

from world import CLIENTS, ROOT, World, ask, check, ended

USERS = range(1001, 1201)
PAGES = {"mobile": (20, 50), "web": (20, 100), "tv": (20, 50)}
FORMS = ("plain", "gzip")
PATIENCE_S = 10


def bounds_of(shape):
    """{"plain": bytes, "gzip": bytes} as far as the shape names them."""
    says = shape.get("x-max-bytes", {})
    return says if isinstance(says, dict) else {"plain": says}


def trimmed_lists(schema, at=()):
    """Where the lists with x-trim stand in an answer."""
    if schema.get("x-trim"):
        yield at
    for name, part in schema.get("properties", {}).items():
        yield from trimmed_lists(part, at + (name,))


def split(answer, places):
    """The answer without its trimmable lists, and these."""
    rest, lists = json.loads(json.dumps(answer)), []
    for *path, last in places:
        holder = rest
        for name in path:
            holder = holder[name]
        lists.append(holder.pop(last))
    return rest, lists


class Reader:
    """One app: asks a server and notes how large the answers were."""

    def __init__(self, world, client):
        self.connection = http.client.HTTPConnection("127.0.0.1", world.ports[client], timeout=30)
        self.largest = dict.fromkeys(FORMS, 0)

    def ask(self, token, page, coding):
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": coding}
        self.connection.request("GET", f"/v1/feed?limit={page}", None, headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"{response.status} {body[:200]}")
        is_gzip = response.headers["Content-Encoding"] == "gzip"
        plain = gzip.decompress(body) if is_gzip else body
        self.largest["plain"] = max(self.largest["plain"], len(plain))
        self.largest["gzip"] = max(self.largest["gzip"], len(body) if is_gzip else 0)
        return json.loads(plain)


def counted(admin, name, wanted):
    """What /metrics says, once it is what is wanted: the last answer is counted after it left."""
    patience = time.monotonic() + PATIENCE_S
    found = None
    while found != wanted and time.monotonic() < patience:
        text = ask(admin, "GET", "/metrics")[2].decode()
        rows = re.findall(rf'^{name}{{plan="feed",form="(\w+)"}} (\d+)$', text, re.MULTILINE)
        found = {form: int(count) for form, count in rows}
    return found


def judge(client, reader, world, places):
    """Asks for everything; how many answers each form's bound has cost elements."""
    usual, largest = PAGES[client]
    costs, lost, wrong = dict.fromkeys(FORMS, 0), [], []
    for user in USERS:
        token = world.token(str(user))
        for page in (usual, largest):
            rest, lists = split(reader.ask(token, page, "identity"), places)
            gzip_rest, gzip_lists = split(reader.ask(token, page, "gzip"), places)
            is_short = any(len(items) < page for items in lists)
            is_shorter = gzip_lists != lists
            costs["plain"] += 2 * is_short  # of both answers
            costs["gzip"] += is_shorter
            lost += [user] if page == usual and (is_short or is_shorter) else []
            is_prefix = all(items[:len(fewer)] == fewer
                            for items, fewer in zip(lists, gzip_lists))
            wrong += [] if rest == gzip_rest and is_prefix else [(user, page)]
    check(f"{client}: a page of {usual} is never shortened", not lost, lost[:5])
    check(f"{client}: only the ends of lists are lost", not wrong, wrong[:5])
    return costs


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        try:
            for client in CLIENTS:
                shape = json.loads((ROOT / "schemas" / client / "feed.v1.json").read_text())
                bounds, places = bounds_of(shape), list(trimmed_lists(shape))
                if not bounds:
                    continue
                reader = Reader(world, client)
                costs = judge(client, reader, world, places)
                for form, bound in bounds.items():
                    size = reader.largest[form]
                    check(f"{client}: {form} is {size} bytes of {bound} at most", size <= bound)
                    check(f"{client}: {form} is bounded near what is needed", size > bound * 0.9,
                          size)
                admin = world.admins[client]
                found = counted(admin, "bff_trimmed_total", costs)
                check(f"{client}: what was lost is counted", found == costs, (found, costs))
                none = dict.fromkeys(FORMS, 0)
                found = counted(admin, "bff_oversize_total", none)
                check(f"{client}: nothing is too large", found == none, found)
                check(f"{client}: the largest page needs the bound", all(costs.values()), costs)
        finally:
            world.end()
    return ended()


if __name__ == "__main__":
    sys.exit(main())
