package main

import (
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
)

// bob's, of which the configuration has what bcrypt made of it.
const bobsSecret = "a-long-enough-secret-of-bob"

func beside(name string) string {
	return filepath.Join(filepath.Dir(os.Getenv("INTEROP_CONTROL")), name)
}

func kim() nats.Option {
	option, err := nats.NkeyOptionFromSeed(beside("kim.nk"))
	must(err)
	return option
}

var accounts = []check{
	{"logins", func(string) {
		s := start("--config", beside("accounts.conf"))
		defer s.stop()
		for _, option := range []nats.Option{nats.UserInfo("ann", "secret"), nats.UserInfo("bob", bobsSecret), kim(), nats.Name("nobody")} {
			client := connect(s.url, option)
			flush(client)
			client.Close()
		}
		refused(s.url, nats.UserInfo("ann", bobsSecret))
		refused(s.url, nats.UserInfo("bob", "secret"))
		refused(s.url, nats.Token("secret"))
	}},
	{"service-import", func(string) {
		s := start("--config", beside("accounts.conf"))
		defer s.stop()
		service := connect(s.url, kim())
		defer service.Close()
		_, err := service.Subscribe("ask.*", func(m *nats.Msg) { must(m.Respond(append([]byte("heard "), m.Data...))) })
		must(err)
		flush(service)
		client := connect(s.url, nats.UserInfo("bob", bobsSecret))
		defer client.Close()
		answer, err := client.Request("local.ask", []byte("this"), patience)
		must(err)
		want(string(answer.Data) == "heard this", "%q", answer.Data)
		_, err = client.Request("ask.me", nil, patience)
		want(err == nats.ErrNoResponders, "%v", err)
	}},
	{"stream-import", func(string) {
		s := start("--config", beside("accounts.conf"))
		defer s.stop()
		client := connect(s.url)
		defer client.Close()
		subscription := subscribe(client, "from.news.>")
		publisher := connect(s.url, nats.UserInfo("ann", "secret"))
		defer publisher.Close()
		must(publisher.Publish("news.today", []byte("it rains")))
		message := next(subscription)
		want(message.Subject == "from.news.today" && string(message.Data) == "it rains", "%v", message)
	}},
}
