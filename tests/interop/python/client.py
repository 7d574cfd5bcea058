"""What an application on nats-py relies on, one check after the other, against the server that
`../server` starts. Prints `ok NAME` or `FAIL NAME: reason` for each."""

import asyncio
import os
import socket
import subprocess
import sys
import traceback

import nats
from nats import errors

CONTROL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server")
ACCOUNTS = os.path.join(os.path.dirname(CONTROL), "accounts.conf")
KIM = os.path.join(os.path.dirname(CONTROL), "kim.nk")
# Of which the configuration has what bcrypt made of it.
BOB = {"user": "bob", "password": "a-long-enough-secret-of-bob"}
PATIENCE = 30
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def control(*words):
    return subprocess.run([CONTROL, *words], check=True, capture_output=True, text=True).stdout.split()


class Server:
    """A server with settings of its own, ended with the block."""

    def __init__(self, *settings):
        self.directory, self.url = control("start", *settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        control("stop", self.directory)


async def connect(url, **options):
    options = {"allow_reconnect": False, "connect_timeout": PATIENCE, **options}
    return await nats.connect(url, **options)


async def messages(subscription, count):
    return [await subscription.next_msg(timeout=PATIENCE) for _ in range(count)]


async def settle(client):
    """Everything published so far has reached the server. nats-py's PING overtakes what it has yet to
    write, so one flush is not enough."""
    await client.flush(timeout=PATIENCE)
    await client.flush(timeout=PATIENCE)


@check
async def info(url):
    client = await connect(url, name="interop")
    assert client.is_connected
    assert client.max_payload == 1 << 20, client.max_payload
    assert client._server_info["headers"] is True
    assert client._server_info["server_id"].startswith("N")
    assert client.client_id > 0
    await client.close()


@check
async def publish_subscribe(url):
    client, other = await connect(url), await connect(url)
    subscription = await other.subscribe("pubsub.one")
    await settle(other)
    for number in range(1000):
        await client.publish("pubsub.one", b"%d" % number, reply="pubsub.reply")
    await settle(client)
    got = await messages(subscription, 1000)
    assert [message.data for message in got] == [b"%d" % number for number in range(1000)]
    assert got[0].subject == "pubsub.one" and got[0].reply == "pubsub.reply"
    await client.close()
    await other.close()


@check
async def wildcards(url):
    client = await connect(url)
    star, tail = await client.subscribe("wild.*.c"), await client.subscribe("wild.>")
    for subject in ["wild.a.c", "wild.a", "wild", "wild.a.b.c", "wild.b.c"]:
        await client.publish(subject, subject.encode())
    await settle(client)
    assert [m.subject for m in await messages(star, 2)] == ["wild.a.c", "wild.b.c"]
    assert [m.subject for m in await messages(tail, 4)] == ["wild.a.c", "wild.a", "wild.a.b.c", "wild.b.c"]
    assert star.pending_msgs == 0 and tail.pending_msgs == 0
    await client.close()


@check
async def queue_group(url):
    """Each message reaches one member, whatever the number of connections, and each member has work."""
    clients = [await connect(url) for _ in range(5)]
    counts, seen = [0] * len(clients), []

    async def join(index):
        async def on(message):
            counts[index] += 1
            seen.append(int(message.data))

        await clients[index].subscribe("work", queue="workers", cb=on)
        await settle(clients[index])

    for index in range(len(clients)):
        await join(index)
    publisher = await connect(url)
    for number in range(2000):
        await publisher.publish("work", b"%d" % number)
    await settle(publisher)
    for client in clients:
        await client.drain()
    assert sorted(seen) == list(range(2000)), f"{len(seen)} came, {len(set(seen))} different"
    assert all(counts), counts
    await publisher.close()


@check
async def request_reply(url):
    service, client = await connect(url), await connect(url)

    async def answer(message):
        await message.respond(b"got " + message.data)

    await service.subscribe("service", cb=answer)
    await settle(service)
    for number in range(100):
        reply = await client.request("service", b"%d" % number, timeout=PATIENCE)
        assert reply.data == b"got %d" % number
    replies = await asyncio.gather(*(client.request("service", b"x", timeout=PATIENCE) for _ in range(50)))
    assert len(replies) == 50
    old = await client.request("service", b"y", timeout=PATIENCE, old_style=True)
    assert old.data == b"got y"
    await service.close()
    await client.close()


@check
async def no_responders(url):
    client = await connect(url)
    try:
        await client.request("nobody.here", b"", timeout=PATIENCE)
    except errors.NoRespondersError:
        await client.close()
        return
    raise AssertionError("no error")


@check
async def headers(url):
    client = await connect(url)
    subscription = await client.subscribe("headers")
    await client.publish("headers", b"body", headers={"One": "1", "two": "two words"})
    await client.publish("headers", b"", headers={"Only": "header"})
    first, second = await messages(subscription, 2)
    assert first.headers == {"One": "1", "two": "two words"} and first.data == b"body"
    assert second.headers == {"Only": "header"} and second.data == b""
    await client.close()


@check
async def flush_is_barrier(url):
    """What was published before one client's flush is there when another client's flush ends."""
    publisher, reader = await connect(url), await connect(url)
    for turn in range(50):
        subscription = await reader.subscribe(f"barrier.{turn}")
        await settle(reader)
        for _ in range(10):
            await publisher.publish(f"barrier.{turn}", b"x")
        await settle(publisher)
        await settle(reader)
        assert subscription.pending_msgs == 10, subscription.pending_msgs
        await subscription.unsubscribe()
    await publisher.close()
    await reader.close()


@check
async def drain(url):
    publisher, reader = await connect(url), await connect(url)
    seen = []

    async def slowly(message):
        await asyncio.sleep(0)
        seen.append(message.data)

    await reader.subscribe("drain", cb=slowly)
    await settle(reader)
    for number in range(500):
        await publisher.publish("drain", b"%d" % number)
    await settle(publisher)
    await reader.drain()
    assert len(seen) == 500, len(seen)
    assert reader.is_closed
    await publisher.close()


@check
async def auto_unsubscribe(url):
    client = await connect(url)
    subscription = await client.subscribe("limited")
    await subscription.unsubscribe(limit=3)
    every = await client.subscribe("limited")
    for _ in range(10):
        await client.publish("limited", b"x")
    await messages(every, 10)
    assert len(await messages(subscription, 3)) == 3
    try:
        await subscription.next_msg(timeout=0.2)
    except (errors.TimeoutError, errors.BadSubscriptionError):
        await client.close()
        return
    raise AssertionError("a fourth message")


@check
async def unsubscribe(url):
    client = await connect(url)
    gone, stays = await client.subscribe("leave"), await client.subscribe("leave")
    await client.publish("leave", b"1")
    await messages(stays, 1)
    await gone.unsubscribe()
    await client.publish("leave", b"2")
    await messages(stays, 1)
    assert client.stats["in_msgs"] == 3, client.stats
    await client.close()


@check
async def echo_off(url):
    client, other = await connect(url, no_echo=True), await connect(url)
    mine = await client.subscribe("echo")
    theirs = await other.subscribe("echo")
    await settle(client)
    await settle(other)
    await client.publish("echo", b"own")
    await settle(client)
    await other.publish("echo", b"other")
    assert [m.data for m in await messages(theirs, 2)] == [b"own", b"other"]
    assert [m.data for m in await messages(mine, 1)] == [b"other"]
    await client.close()
    await other.close()


@check
async def large_payload(url):
    client = await connect(url)
    subscription = await client.subscribe("large")
    payload = os.urandom(1 << 20)
    for _ in range(5):
        await client.publish("large", payload)
        assert (await messages(subscription, 1))[0].data == payload
    await client.close()


@check
async def max_payload(url):
    # So small that the server has read all of a message when it refuses it: a reset of the connection
    # could otherwise overtake its words.
    with Server("max_payload=200") as server:
        client = await connect(server.url)
        assert client.max_payload == 200
        subscription = await client.subscribe("limit")
        await client.publish("limit", b"x" * 200)
        await messages(subscription, 1)
        try:
            await client.publish("limit", b"x" * 201)
            raise AssertionError("no error")
        except errors.MaxPayloadError:
            pass
        # A client that does not look is refused by the server.
        closed = asyncio.Event()

        async def on_closed():
            closed.set()

        careless = await connect(server.url, closed_cb=on_closed)
        careless._max_payload = 1 << 20
        await careless.publish("limit", b"x" * 201)
        await asyncio.wait_for(closed.wait(), PATIENCE)
        text = str(careless.last_error)
        assert "maximum payload violation" in text.lower(), text
        await client.close()


@check
async def password(url):
    with Server("--user", "ann", "--pass", "secret") as server:
        client = await connect(server.url, user="ann", password="secret")
        await settle(client)
        await client.close()
        for wrong in [{"user": "ann", "password": "guess"}, {"user": "bob", "password": "secret"}, {}]:
            await refused(server.url, **wrong)


@check
async def token(url):
    with Server("--auth", "s3cr3t") as server:
        client = await connect(server.url, token="s3cr3t")
        await settle(client)
        await client.close()
        for wrong in [{"token": "guess"}, {}]:
            await refused(server.url, **wrong)


async def refused(url, **credentials):
    said = []

    async def on_error(error):
        said.append(str(error))

    try:
        await connect(url, error_cb=on_error, max_reconnect_attempts=0, **credentials)
    except Exception as error:
        said.append(str(error))
        assert any("authorization violation" in text.lower() for text in said), said
        return
    raise AssertionError(f"let in with {credentials}")


@check
async def logins(_):
    with Server("--config", ACCOUNTS) as server:
        for credentials in [{"user": "ann", "password": "secret"}, BOB, {"nkeys_seed": KIM}, {}]:
            client = await connect(server.url, **credentials)
            await client.flush(timeout=PATIENCE)
            await client.close()
        await refused(server.url, user="ann", password=BOB["password"])
        await refused(server.url, user="bob", password="secret")
        await refused(server.url, token="secret")


@check
async def service_import(_):
    with Server("--config", ACCOUNTS) as server:
        service, client = await connect(server.url, nkeys_seed=KIM), await connect(server.url, **BOB)

        async def respond(message):
            await message.respond(b"heard " + message.data)

        await service.subscribe("ask.*", cb=respond)
        await settle(service)
        answer = await client.request("local.ask", b"this", timeout=PATIENCE)
        assert answer.data == b"heard this", answer.data
        try:
            await client.request("ask.me", b"", timeout=PATIENCE)
            raise AssertionError("it was answered")
        except errors.NoRespondersError:
            pass
        await service.close()
        await client.close()


@check
async def stream_import(_):
    with Server("--config", ACCOUNTS) as server:
        client, publisher = await connect(server.url), await connect(server.url, user="ann", password="secret")
        subscription = await client.subscribe("from.news.>")
        await settle(client)
        await publisher.publish("news.today", b"it rains")
        [message] = await messages(subscription, 1)
        assert (message.subject, message.data) == ("from.news.today", b"it rains"), message
        await client.close()
        await publisher.close()


@check
async def reconnect(url):
    with Server() as server:
        back = asyncio.Event()

        async def on_reconnect():
            back.set()

        client = await connect(
            server.url,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.05,
            reconnected_cb=on_reconnect,
        )
        subscription = await client.subscribe("again.*")
        await client.publish("again.1", b"before")
        await messages(subscription, 1)
        await asyncio.to_thread(control, "restart", server.directory)
        await asyncio.wait_for(back.wait(), PATIENCE)
        await settle(client)
        await client.publish("again.2", b"after")
        assert (await messages(subscription, 1))[0].data == b"after"
        await client.close()


@check
async def lame_duck(url):
    with Server("lame_duck_duration=30s", "lame_duck_grace_period=1s") as server:
        told, closed = asyncio.Event(), asyncio.Event()

        async def on_lame_duck():
            told.set()

        async def on_closed():
            closed.set()

        client = await connect(server.url, lame_duck_mode_cb=on_lame_duck, closed_cb=on_closed)
        # An INFO that came with the connection is not the notice.
        await settle(client)
        control("lame-duck", server.directory)
        await asyncio.wait_for(told.wait(), PATIENCE)
        await asyncio.wait_for(closed.wait(), PATIENCE)


@check
async def slow_consumer(url):
    """Who does not read is cut; who reads gets everything."""
    with Server("max_pending=2097152") as server:
        address = server.url.removeprefix("nats://").split(":")
        stalled = await asyncio.to_thread(stalled_reader, address[0], int(address[1]))
        reader, publisher = await connect(server.url), await connect(server.url)
        count, done, total = 0, asyncio.Event(), 5000

        async def on(_):
            nonlocal count
            count += 1
            if count == total:
                done.set()

        await reader.subscribe("flood", cb=on, pending_bytes_limit=-1, pending_msgs_limit=-1)
        await settle(reader)
        payload = b"x" * 8192
        for number in range(total):
            await publisher.publish("flood", payload)
            if number % 50 == 0:
                await settle(publisher)
        await settle(publisher)
        await asyncio.wait_for(done.wait(), PATIENCE)
        got = await asyncio.to_thread(read_to_end, stalled)
        assert got < total * len(payload), "the stalled reader got all"
        await reader.close()
        await publisher.close()


def stalled_reader(host, port):
    stalled = socket.create_connection((host, port), timeout=PATIENCE)
    stalled.sendall(b'CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n')
    said = b""
    while b"PONG" not in said:
        said += stalled.recv(4096)
    return stalled


def read_to_end(stalled):
    """Bytes that were waiting; fails if the server did not close."""
    got = 0
    try:
        while chunk := stalled.recv(1 << 16):
            got += len(chunk)
    except ConnectionResetError:
        pass
    return got


async def run(function, url):
    name = function.__name__.replace("_", "-")
    try:
        await asyncio.wait_for(function(url), 4 * PATIENCE)
        print(f"ok {name}", flush=True)
    except BaseException as error:  # one check's failure must not hide the others
        print(f"FAIL {name}: {type(error).__name__} {error}".replace("\n", " "), flush=True)
        traceback.print_exc()


def main():
    only = sys.argv[1:]
    with Server() as server:
        for function in CHECKS:
            if not only or function.__name__.replace("_", "-") in only:
                asyncio.run(run(function, server.url))


main()
