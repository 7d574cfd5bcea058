// What an application on nats.js relies on, one check after the other, against the server that `../server`
// starts. Prints `ok NAME` or `FAIL NAME: reason` for each. Arguments name the checks to run; none, all.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { connect as dial, headers, nkeyAuthenticator } from "@nats-io/transport-node";

// Turns a hang into a failure; nothing is asserted about time.
const PATIENCE = 30_000;

// Of which the configuration has what bcrypt made of it.
const BOB = { user: "bob", pass: "a-long-enough-secret-of-bob" };

const beside = (name) => path.join(path.dirname(process.env.INTEROP_CONTROL), name);

function kim() {
  return { authenticator: nkeyAuthenticator(Buffer.from(readFileSync(beside("kim.nk"), "utf8").trim())) };
}

function control(...words) {
  return execFileSync(process.env.INTEROP_CONTROL, words, { encoding: "utf8" }).trim().split(" ");
}

async function withServer(settings, use) {
  const [directory, url] = control("start", ...settings);
  try {
    await use({ directory, url });
  } finally {
    control("stop", directory);
  }
}

function connect(url, options = {}) {
  return dial({ servers: url, reconnect: false, timeout: PATIENCE, ...options });
}

function patiently(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function messages(subscription, count) {
  const iterate = async () => {
    const found = [];
    for await (const message of subscription) {
      found.push(message);
      if (found.length === count) break;
    }
    return found;
  };
  return patiently(`${count} messages`, iterate());
}

/** A subscription that the server knows of, which collects its messages. */
async function collect(client, subject, options = {}) {
  const found = [];
  const callback = (_, message) => found.push(message);
  found.subscription = client.subscribe(subject, { callback, ...options });
  await client.flush();
  return found;
}

async function statusOf(client, type) {
  for await (const status of client.status()) {
    if (status.type === type) return status;
  }
  throw new Error(`no status ${type}`);
}

async function refused(url, credentials) {
  await assert.rejects(connect(url, credentials), (error) => {
    const text = `${error.message} ${error.cause?.message}`.toLowerCase();
    assert.ok(text.includes("authorization violation"), text);
    return true;
  });
}

const checks = {
  async "info"(url) {
    const client = await connect(url, { name: "interop" });
    assert.equal(client.info.max_payload, 1 << 20);
    assert.equal(client.info.headers, true);
    assert.match(client.info.server_id, /^N/);
    assert.ok(client.info.client_id > 0);
    assert.equal(client.info.client_ip, "127.0.0.1");
    await client.rtt();
    await client.close();
  },

  async "publish-subscribe"(url) {
    const [client, other] = [await connect(url), await connect(url)];
    const found = await collect(other, "pubsub.one");
    for (let number = 0; number < 1000; number++) {
      client.publish("pubsub.one", String(number), { reply: "pubsub.reply" });
    }
    await client.flush();
    await other.flush();
    assert.deepEqual(found.map((m) => m.string()), Array.from({ length: 1000 }, (_, n) => String(n)));
    assert.equal(found[0].subject, "pubsub.one");
    assert.equal(found[0].reply, "pubsub.reply");
    await client.close();
    await other.close();
  },

  async "wildcards"(url) {
    const client = await connect(url);
    const star = await collect(client, "wild.*.c");
    const tail = await collect(client, "wild.>");
    for (const subject of ["wild.a.c", "wild.a", "wild", "wild.a.b.c", "wild.b.c"]) {
      client.publish(subject);
    }
    await client.flush();
    assert.deepEqual(star.map((m) => m.subject), ["wild.a.c", "wild.b.c"]);
    assert.deepEqual(tail.map((m) => m.subject), ["wild.a.c", "wild.a", "wild.a.b.c", "wild.b.c"]);
    await client.close();
  },

  // Each message reaches one member, whatever the number of connections, and each member has work.
  async "queue-group"(url) {
    const clients = [];
    const members = [];
    for (let index = 0; index < 5; index++) {
      clients.push(await connect(url));
      members.push(await collect(clients[index], "work", { queue: "workers" }));
    }
    const publisher = await connect(url);
    for (let number = 0; number < 2000; number++) publisher.publish("work", String(number));
    await publisher.flush();
    for (const client of clients) await client.drain();
    const seen = members.flatMap((member) => member.map((m) => Number(m.string())));
    assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: 2000 }, (_, n) => n));
    assert.ok(members.every((member) => member.length > 0));
    await publisher.close();
  },

  async "request-reply"(url) {
    const [service, client] = [await connect(url), await connect(url)];
    await collect(service, "service", { callback: (_, m) => m.respond(`got ${m.string()}`) });
    const ask = async (number) => {
      const reply = await client.request("service", String(number), { timeout: PATIENCE });
      assert.equal(reply.string(), `got ${number}`);
    };
    for (let number = 0; number < 50; number++) await ask(number);
    await Promise.all(Array.from({ length: 100 }, (_, number) => ask(number)));
    const old = await client.request("service", "x", { timeout: PATIENCE, noMux: true });
    assert.equal(old.string(), "got x");
    const many = await client.requestMany("service", "y", { strategy: "count", maxMessages: 1, maxWait: PATIENCE });
    for await (const reply of many) assert.equal(reply.string(), "got y");
    await service.close();
    await client.close();
  },

  async "no-responders"(url) {
    const client = await connect(url);
    await assert.rejects(client.request("nobody.here", "", { timeout: PATIENCE }), /no responders/i);
    await client.close();
  },

  async "headers"(url) {
    const client = await connect(url);
    const found = await collect(client, "headers");
    const sent = headers();
    sent.append("One", "1");
    sent.append("One", "2");
    sent.set("two", "two words");
    client.publish("headers", "body", { headers: sent });
    const only = headers();
    only.set("Only", "header");
    client.publish("headers", "", { headers: only });
    await client.flush();
    assert.deepEqual(found[0].headers.values("One"), ["1", "2"]);
    assert.equal(found[0].headers.get("two"), "two words");
    assert.equal(found[0].string(), "body");
    assert.equal(found[1].headers.get("Only"), "header");
    assert.equal(found[1].data.length, 0);
    await client.close();
  },

  async "flush-is-barrier"(url) {
    const [publisher, reader] = [await connect(url), await connect(url)];
    for (let turn = 0; turn < 100; turn++) {
      const found = await collect(reader, `barrier.${turn}`);
      for (let number = 0; number < 10; number++) publisher.publish(`barrier.${turn}`);
      await publisher.flush();
      await reader.flush();
      assert.equal(found.length, 10);
      found.subscription.unsubscribe();
    }
    await publisher.close();
    await reader.close();
  },

  async "drain"(url) {
    const [publisher, reader] = [await connect(url), await connect(url)];
    const found = await collect(reader, "drain");
    for (let number = 0; number < 1000; number++) publisher.publish("drain");
    await publisher.flush();
    await patiently("the drain", reader.drain());
    assert.equal(found.length, 1000);
    assert.ok(reader.isClosed());
    await publisher.close();
  },

  async "auto-unsubscribe"(url) {
    const client = await connect(url);
    const limited = await collect(client, "limited", { max: 3 });
    const every = await collect(client, "limited");
    for (let number = 0; number < 10; number++) client.publish("limited");
    await client.flush();
    assert.equal(limited.length, 3);
    assert.equal(every.length, 10);
    assert.equal(client.stats().inMsgs, 13);
    await client.close();
  },

  async "unsubscribe"(url) {
    const [client, publisher] = [await connect(url), await connect(url)];
    const [gone, stays] = [await collect(client, "leave"), await collect(client, "leave")];
    publisher.publish("leave");
    await publisher.flush();
    gone.subscription.unsubscribe();
    await client.flush();
    publisher.publish("leave");
    await publisher.flush();
    await client.flush();
    assert.equal(stays.length, 2);
    assert.equal(client.stats().inMsgs, 3);
    await client.close();
    await publisher.close();
  },

  async "echo-off"(url) {
    const [client, other] = [await connect(url, { noEcho: true }), await connect(url)];
    const [mine, theirs] = [await collect(client, "echo"), await collect(other, "echo")];
    client.publish("echo", "own");
    await client.flush();
    other.publish("echo", "other");
    await other.flush();
    await client.flush();
    assert.deepEqual(theirs.map((m) => m.string()), ["own", "other"]);
    assert.deepEqual(mine.map((m) => m.string()), ["other"]);
    await client.close();
    await other.close();
  },

  async "large-payload"(url) {
    const client = await connect(url);
    const subscription = client.subscribe("large");
    const payload = randomBytes(1 << 20);
    for (let number = 0; number < 5; number++) client.publish("large", payload);
    for (const message of await messages(subscription, 5)) assert.ok(payload.equals(message.data));
    await client.close();
  },

  async "max-payload"() {
    await withServer(["max_payload=200"], async ({ url }) => {
      const client = await connect(url);
      assert.equal(client.info.max_payload, 200);
      const found = await collect(client, "limit");
      client.publish("limit", "x".repeat(200));
      await client.flush();
      assert.equal(found.length, 1);
      assert.throws(() => client.publish("limit", "x".repeat(201)), /max_payload/i);
      // A client that does not look is refused by the server.
      const careless = await connect(url);
      careless.info.max_payload = 1 << 20;
      const closed = careless.closed();
      careless.publish("limit", "x".repeat(201));
      const error = await patiently("the closing", closed);
      assert.match(String(error), /maximum payload violation/i);
      await client.close();
    });
  },

  async "password"() {
    await withServer(["--user", "ann", "--pass", "secret"], async ({ url }) => {
      const client = await connect(url, { user: "ann", pass: "secret" });
      await client.flush();
      await client.close();
      await refused(url, { user: "ann", pass: "guess" });
      await refused(url, { user: "bob", pass: "secret" });
      await refused(url, {});
    });
  },

  async "token"() {
    await withServer(["--auth", "s3cr3t"], async ({ url }) => {
      const client = await connect(url, { token: "s3cr3t" });
      await client.flush();
      await client.close();
      await refused(url, { token: "guess" });
      await refused(url, {});
    });
  },

  async "logins"() {
    await withServer(["--config", beside("accounts.conf")], async ({ url }) => {
      for (const credentials of [{ user: "ann", pass: "secret" }, BOB, kim(), {}]) {
        const client = await connect(url, credentials);
        await client.flush();
        await client.close();
      }
      await refused(url, { user: "ann", pass: BOB.pass });
      await refused(url, { user: "bob", pass: "secret" });
      await refused(url, { token: "secret" });
    });
  },

  async "service-import"() {
    await withServer(["--config", beside("accounts.conf")], async ({ url }) => {
      const [service, client] = [await connect(url, kim()), await connect(url, BOB)];
      service.subscribe("ask.*", { callback: (_, message) => message.respond(`heard ${message.string()}`) });
      await service.flush();
      const answer = await client.request("local.ask", "this", { timeout: PATIENCE });
      assert.equal(answer.string(), "heard this");
      await assert.rejects(client.request("ask.me", "", { timeout: PATIENCE }), /no responders/i);
      await service.close();
      await client.close();
    });
  },

  async "stream-import"() {
    await withServer(["--config", beside("accounts.conf")], async ({ url }) => {
      const [client, publisher] = [await connect(url), await connect(url, { user: "ann", pass: "secret" })];
      const subscription = client.subscribe("from.news.>");
      await client.flush();
      publisher.publish("news.today", "it rains");
      const [message] = await messages(subscription, 1);
      assert.deepEqual([message.subject, message.string()], ["from.news.today", "it rains"]);
      await client.close();
      await publisher.close();
    });
  },

  async "reconnect"() {
    await withServer([], async ({ directory, url }) => {
      const client = await connect(url, { reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
      const found = await collect(client, "again.*");
      client.publish("again.1");
      await client.flush();
      const back = statusOf(client, "reconnect");
      control("restart", directory);
      await patiently("the reconnection", back);
      client.publish("again.2");
      await client.flush();
      assert.deepEqual(found.map((m) => m.subject), ["again.1", "again.2"]);
      await client.close();
    });
  },

  async "lame-duck"() {
    const settings = ["lame_duck_duration=30s", "lame_duck_grace_period=1s"];
    await withServer(settings, async ({ directory, url }) => {
      const client = await connect(url);
      await client.flush();
      const [told, closed] = [statusOf(client, "ldm"), client.closed()];
      control("lame-duck", directory);
      await patiently("the notice", told);
      await patiently("the closing", closed);
    });
  },

  // Who does not read is cut; who reads gets everything.
  async "slow-consumer"() {
    await withServer(["max_pending=2097152"], async ({ url }) => {
      const total = 5000;
      const stalled = await stalledReader(url);
      const [reader, publisher] = [await connect(url), await connect(url)];
      const found = await collect(reader, "flood");
      const payload = Buffer.alloc(8192);
      for (let number = 1; number <= total; number++) {
        publisher.publish("flood", payload);
        if (number % 50 === 0) await publisher.flush();
      }
      await reader.flush();
      assert.equal(found.length, total);
      assert.ok((await patiently("the cut", readToEnd(stalled))) < total * payload.length);
      await reader.close();
      await publisher.close();
    });
  },
};

function stalledReader(url) {
  const [host, port] = url.replace("nats://", "").split(":");
  const socket = net.connect(Number(port), host);
  socket.on("error", () => {});
  socket.write('CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n');
  return patiently("a PONG", new Promise((resolve) => {
    let said = "";
    socket.on("data", function listen(chunk) {
      said += chunk;
      if (said.includes("PONG")) {
        socket.off("data", listen);
        socket.pause();
        resolve(socket);
      }
    });
  }));
}

/** The number of bytes that still came before the server closed. */
function readToEnd(socket) {
  return new Promise((resolve) => {
    let got = 0;
    socket.on("data", (chunk) => got += chunk.length);
    socket.on("close", () => resolve(got));
    socket.resume();
  });
}

const only = process.argv.slice(2);
await withServer([], async ({ url }) => {
  for (const [name, check] of Object.entries(checks)) {
    if (only.length > 0 && !only.includes(name)) continue;
    try {
      await check(url);
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`FAIL ${name}: ${String(error.message).replaceAll("\n", " ")}`);
      console.error(error);
    }
  }
});
process.exit(0);
