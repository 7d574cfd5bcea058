package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

var connections = []check{
	{"max-payload", func(string) {
		s := start("max_payload=200")
		defer s.stop()
		client := connect(s.url)
		defer client.Close()
		want(client.MaxPayload() == 200, "%d", client.MaxPayload())
		subscription := subscribe(client, "limit")
		must(client.Publish("limit", make([]byte, 200)))
		next(subscription)
		err := client.Publish("limit", make([]byte, 201))
		want(errors.Is(err, nats.ErrMaxPayload), "%v", err)
		// A client that does not look is refused by the server.
		said := converse(s.url, fmt.Sprintf("CONNECT {\"verbose\":false}\r\nPUB limit 201\r\n%0201d\r\n", 0))
		want(strings.Contains(said, "-ERR 'Maximum Payload Violation'"), "%q", said)
	}},
	{"password", func(string) {
		s := start("--user", "ann", "--pass", "secret")
		defer s.stop()
		client := connect(s.url, nats.UserInfo("ann", "secret"))
		flush(client)
		client.Close()
		refused(s.url, nats.UserInfo("ann", "guess"))
		refused(s.url, nats.UserInfo("bob", "secret"))
		refused(s.url)
	}},
	{"token", func(string) {
		s := start("--auth", "s3cr3t")
		defer s.stop()
		client := connect(s.url, nats.Token("s3cr3t"))
		flush(client)
		client.Close()
		refused(s.url, nats.Token("guess"))
		refused(s.url)
	}},
	{"reconnect", func(string) {
		s := start()
		defer s.stop()
		back := make(chan struct{})
		options := nats.Options{
			Url: s.url, AllowReconnect: true, MaxReconnect: -1, ReconnectWait: 20 * time.Millisecond,
			ReconnectedCB: func(*nats.Conn) { close(back) }, Timeout: patience,
		}
		client, err := options.Connect()
		must(err)
		defer client.Close()
		subscription := subscribe(client, "again.*")
		must(client.Publish("again.1", nil))
		next(subscription)
		control("restart", s.directory)
		await("the reconnection", back)
		flush(client)
		must(client.Publish("again.2", nil))
		want(next(subscription).Subject == "again.2", "not what was published after")
	}},
	{"lame-duck", func(string) {
		s := start("lame_duck_duration=30s", "lame_duck_grace_period=1s")
		defer s.stop()
		told, closed := make(chan struct{}), make(chan struct{})
		client := connect(s.url,
			nats.LameDuckModeHandler(func(*nats.Conn) { close(told) }),
			nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
		flush(client)
		control("lame-duck", s.directory)
		await("the notice", told)
		await("the closing", closed)
	}},
	{"slow-consumer", slowConsumer},
	{"stale-connection", func(string) {
		s := start("ping_interval=500ms", "ping_max=2")
		defer s.stop()
		lively := connect(s.url)
		defer lively.Close()
		said := converse(s.url, "CONNECT {\"verbose\":false}\r\n")
		want(strings.HasSuffix(said, "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n"), "%q", said)
		flush(lively)
	}},
	{"max-connections", func(string) {
		s := start("max_connections=2")
		defer s.stop()
		one, two := connect(s.url), connect(s.url)
		defer one.Close()
		defer two.Close()
		flush(one, two)
		said := converse(s.url, "")
		want(strings.HasSuffix(said, "-ERR 'maximum connections exceeded'\r\n"), "%q", said)
	}},
	{"max-subscriptions", func(string) {
		s := start("max_subscriptions=2")
		defer s.stop()
		told := make(chan struct{})
		client := connect(s.url, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrMaxSubscriptionsExceeded) {
				close(told)
			}
		}))
		defer client.Close()
		for number := range 3 {
			subscribe(client, fmt.Sprint("limited.", number))
		}
		await("the refusal", told)
	}},
}

func refused(url string, options ...nats.Option) {
	client, err := nats.Connect(url, append(options, nats.NoReconnect(), nats.Timeout(patience))...)
	if err == nil {
		client.Close()
		panic("let in")
	}
	want(errors.Is(err, nats.ErrAuthorization), "%v", err)
	want(strings.Contains(strings.ToLower(err.Error()), "authorization violation"), "%v", err)
}

// Who does not read is cut; who reads gets everything.
func slowConsumer(string) {
	const total = 5000
	s := start("max_pending=2097152")
	defer s.stop()
	stalled := dial(s.url)
	defer stalled.Close()
	_, err := io.WriteString(stalled, "CONNECT {\"verbose\":false}\r\nSUB flood 1\r\nPING\r\n")
	must(err)
	lines := bufio.NewReader(stalled)
	for line := ""; line != "PONG\r\n"; {
		line, err = lines.ReadString('\n')
		must(err)
	}
	reader, publisher := connect(s.url), connect(s.url)
	defer reader.Close()
	defer publisher.Close()
	subscription := subscribe(reader, "flood")
	payload := make([]byte, 8192)
	for range total {
		must(publisher.Publish("flood", payload))
	}
	flush(publisher)
	for range total {
		next(subscription)
	}
	got, err := io.Copy(io.Discard, lines)
	var timeout net.Error
	want(!errors.As(err, &timeout) || !timeout.Timeout(), "the stalled reader was not cut")
	want(got < total*int64(len(payload)), "the stalled reader got all")
}

func dial(url string) net.Conn {
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	must(err)
	must(connection.SetDeadline(time.Now().Add(patience)))
	return connection
}

// Sends bytes and answers all that is said until the server closes.
func converse(url, bytes string) string {
	connection := dial(url)
	defer connection.Close()
	_, err := io.WriteString(connection, bytes)
	must(err)
	said, err := io.ReadAll(connection)
	must(err)
	return string(said)
}
