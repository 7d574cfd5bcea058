// What an application on nats.go relies on, one check after the other, against the server that `../server`
// starts. Prints `ok NAME` or `FAIL NAME: reason` for each. Arguments name the checks to run; none, all.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// patience turns a hang into a failure; nothing is asserted about time.
const patience = 30 * time.Second

type check struct {
	name string
	run  func(url string)
}

// server is one with settings of its own.
type server struct{ directory, url string }

func control(words ...string) string {
	output, err := exec.Command(os.Getenv("INTEROP_CONTROL"), words...).Output()
	must(err)
	return strings.TrimSpace(string(output))
}

func start(settings ...string) server {
	directory, url, _ := strings.Cut(control(append([]string{"start"}, settings...)...), " ")
	return server{directory, url}
}

func (s server) stop() { control("stop", s.directory) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func want(ok bool, format string, values ...any) {
	if !ok {
		panic(fmt.Sprintf(format, values...))
	}
}

func connect(url string, options ...nats.Option) *nats.Conn {
	options = append([]nats.Option{nats.NoReconnect(), nats.Timeout(patience)}, options...)
	connection, err := nats.Connect(url, options...)
	must(err)
	return connection
}

func flush(connections ...*nats.Conn) {
	for _, connection := range connections {
		must(connection.FlushTimeout(patience))
	}
}

func subscribe(connection *nats.Conn, subject string) *nats.Subscription {
	subscription, err := connection.SubscribeSync(subject)
	must(err)
	must(subscription.SetPendingLimits(-1, -1))
	must(connection.FlushTimeout(patience))
	return subscription
}

func next(subscription *nats.Subscription) *nats.Msg {
	message, err := subscription.NextMsg(patience)
	must(err)
	return message
}

func pending(subscription *nats.Subscription) int {
	count, _, err := subscription.Pending()
	must(err)
	return count
}

func await(what string, done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(patience):
		panic("waited in vain for " + what)
	}
}

func perform(c check, url string) {
	defer func() {
		if problem := recover(); problem != nil {
			fmt.Printf("FAIL %s: %s\n", c.name, strings.ReplaceAll(fmt.Sprint(problem), "\n", " "))
		} else {
			fmt.Printf("ok %s\n", c.name)
		}
	}()
	c.run(url)
}

func main() {
	plain := start()
	defer plain.stop()
	for _, c := range slices.Concat(messages, connections, accounts) {
		if len(os.Args) < 2 || slices.Contains(os.Args[1:], c.name) {
			perform(c, plain.url)
		}
	}
}
