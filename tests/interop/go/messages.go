package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

var messages = []check{
	{"info", func(url string) {
		client := connect(url, nats.Name("interop"))
		defer client.Close()
		want(client.MaxPayload() == 1<<20, "max payload %d", client.MaxPayload())
		want(client.HeadersSupported(), "no headers")
		want(strings.HasPrefix(client.ConnectedServerId(), "N"), "id %q", client.ConnectedServerId())
		want(client.ConnectedServerName() != "" && client.ConnectedServerVersion() != "", "no name or version")
		id, err := client.GetClientID()
		must(err)
		want(id > 0, "client id %d", id)
		ip, err := client.GetClientIP()
		must(err)
		want(ip.IsLoopback(), "client address %v", ip)
		_, err = client.RTT()
		must(err)
	}},
	{"publish-subscribe", func(url string) {
		client, other := connect(url), connect(url)
		defer client.Close()
		defer other.Close()
		subscription := subscribe(other, "pubsub.one")
		for number := range 1000 {
			must(client.PublishRequest("pubsub.one", "pubsub.reply", []byte(strconv.Itoa(number))))
		}
		for number := range 1000 {
			message := next(subscription)
			want(string(message.Data) == strconv.Itoa(number), "%s instead of %d", message.Data, number)
			want(message.Subject == "pubsub.one" && message.Reply == "pubsub.reply", "%v", message)
		}
	}},
	{"wildcards", func(url string) {
		client := connect(url)
		defer client.Close()
		star, tail := subscribe(client, "wild.*.c"), subscribe(client, "wild.>")
		for _, subject := range []string{"wild.a.c", "wild.a", "wild", "wild.a.b.c", "wild.b.c"} {
			must(client.Publish(subject, nil))
		}
		flush(client)
		want(pending(star) == 2 && pending(tail) == 4, "%d and %d", pending(star), pending(tail))
		want(next(star).Subject == "wild.a.c" && next(star).Subject == "wild.b.c", "star")
	}},
	{"queue-group", queueGroup},
	{"request-reply", func(url string) {
		service, client := connect(url), connect(url)
		defer service.Close()
		defer client.Close()
		_, err := service.Subscribe("service", func(message *nats.Msg) {
			must(message.Respond(append([]byte("got "), message.Data...)))
		})
		must(err)
		flush(service)
		var requesters sync.WaitGroup
		var wrong atomic.Int32
		for worker := range 10 {
			requesters.Add(1)
			go func() {
				defer requesters.Done()
				for number := range 100 {
					text := fmt.Sprint(worker, number)
					reply, err := client.Request("service", []byte(text), patience)
					if err != nil || string(reply.Data) != "got "+text {
						wrong.Add(1)
					}
				}
			}()
		}
		requesters.Wait()
		want(wrong.Load() == 0, "%d requests without the right reply", wrong.Load())
		old := connect(url, nats.UseOldRequestStyle())
		defer old.Close()
		_, err = old.Request("service", nil, patience)
		must(err)
	}},
	{"no-responders", func(url string) {
		client := connect(url)
		defer client.Close()
		_, err := client.Request("nobody.here", nil, patience)
		want(errors.Is(err, nats.ErrNoResponders), "%v", err)
	}},
	{"headers", func(url string) {
		client := connect(url)
		defer client.Close()
		subscription := subscribe(client, "headers")
		message := nats.NewMsg("headers")
		message.Header.Add("One", "1")
		message.Header.Add("One", "2")
		message.Header.Set("two", "two words")
		message.Data = []byte("body")
		must(client.PublishMsg(message))
		got := next(subscription)
		want(len(got.Header.Values("One")) == 2 && got.Header.Get("two") == "two words", "%v", got.Header)
		want(string(got.Data) == "body", "%s", got.Data)
		must(client.PublishMsg(&nats.Msg{Subject: "headers", Header: nats.Header{"Only": {"header"}}}))
		got = next(subscription)
		want(got.Header.Get("Only") == "header" && len(got.Data) == 0, "%v", got)
	}},
	{"flush-is-barrier", func(url string) {
		publisher, reader := connect(url), connect(url)
		defer publisher.Close()
		defer reader.Close()
		for turn := range 200 {
			subject := fmt.Sprint("barrier.", turn)
			subscription := subscribe(reader, subject)
			for range 10 {
				must(publisher.Publish(subject, nil))
			}
			flush(publisher, reader)
			want(pending(subscription) == 10, "%d of 10", pending(subscription))
			must(subscription.Unsubscribe())
		}
	}},
	{"drain", func(url string) {
		publisher := connect(url)
		defer publisher.Close()
		closed := make(chan struct{})
		reader := connect(url, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
		var count atomic.Int32
		_, err := reader.Subscribe("drain", func(*nats.Msg) { count.Add(1) })
		must(err)
		flush(reader)
		for range 5000 {
			must(publisher.Publish("drain", nil))
		}
		flush(publisher)
		must(reader.Drain())
		await("the end of the drain", closed)
		want(count.Load() == 5000, "%d of 5000", count.Load())
	}},
	{"auto-unsubscribe", func(url string) {
		client := connect(url)
		defer client.Close()
		limited, every := subscribe(client, "limited"), subscribe(client, "limited")
		must(limited.AutoUnsubscribe(3))
		for range 10 {
			must(client.Publish("limited", nil))
		}
		flush(client)
		for range 3 {
			next(limited)
		}
		_, err := limited.NextMsg(time.Millisecond)
		want(errors.Is(err, nats.ErrMaxMessages) || errors.Is(err, nats.ErrBadSubscription), "%v", err)
		want(pending(every) == 10, "%d of 10", pending(every))
		want(client.Stats().InMsgs == 13, "%d messages came", client.Stats().InMsgs)
	}},
	{"unsubscribe", func(url string) {
		client, publisher := connect(url), connect(url)
		defer client.Close()
		defer publisher.Close()
		gone, stays := subscribe(client, "leave"), subscribe(client, "leave")
		must(publisher.Publish("leave", nil))
		flush(publisher)
		next(stays)
		must(gone.Unsubscribe())
		flush(client)
		must(publisher.Publish("leave", nil))
		next(stays)
		want(client.Stats().InMsgs == 3, "%d messages came", client.Stats().InMsgs)
	}},
	{"echo-off", func(url string) {
		client, other := connect(url, nats.NoEcho()), connect(url)
		defer client.Close()
		defer other.Close()
		mine, theirs := subscribe(client, "echo"), subscribe(other, "echo")
		must(client.Publish("echo", []byte("own")))
		flush(client)
		must(other.Publish("echo", []byte("other")))
		want(string(next(theirs).Data) == "own" && string(next(theirs).Data) == "other", "theirs")
		want(string(next(mine).Data) == "other", "mine")
	}},
	{"large-payload", func(url string) {
		client, other := connect(url), connect(url)
		defer client.Close()
		defer other.Close()
		subscription := subscribe(other, "large")
		payload := make([]byte, 1<<20)
		_, err := rand.Read(payload)
		must(err)
		for range 10 {
			must(client.Publish("large", payload))
			want(bytes.Equal(next(subscription).Data, payload), "another payload came")
		}
	}},
}

// Each message reaches one member, whatever the number of connections, and each member has work.
func queueGroup(url string) {
	const members, total = 5, 5000
	var lock sync.Mutex
	seen := map[string]int{}
	counts := [members]int{}
	clients := []*nats.Conn{}
	for index := range members {
		client := connect(url)
		defer client.Close()
		clients = append(clients, client)
		_, err := client.QueueSubscribe("work", "workers", func(message *nats.Msg) {
			lock.Lock()
			defer lock.Unlock()
			seen[string(message.Data)]++
			counts[index]++
		})
		must(err)
		flush(client)
	}
	publisher := connect(url)
	defer publisher.Close()
	for number := range total {
		must(publisher.Publish("work", []byte(strconv.Itoa(number))))
	}
	flush(publisher)
	for _, client := range clients {
		must(client.Drain())
	}
	for _, client := range clients {
		for !client.IsClosed() {
			time.Sleep(time.Millisecond)
		}
	}
	lock.Lock()
	defer lock.Unlock()
	want(len(seen) == total, "%d of %d came", len(seen), total)
	for number, times := range seen {
		want(times == 1, "%s came %d times", number, times)
	}
	for _, count := range counts {
		want(count > 0, "a member without work: %v", counts)
	}
}
