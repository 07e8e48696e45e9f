package daemonize_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/generators"
)

func Example() {
	const doc = `version: 1
name: web
description: Example web service
command: [/usr/bin/web, --motto, "100% $HOME"]
restart: on-failure
`
	daemons, problems, err := daemonize.Load(strings.NewReader(doc), "web.daemon.yaml")
	if err != nil || problems.HasErrors() {
		log.Fatal(err, problems.Err())
	}
	target, err := daemonize.ParseTarget("systemd@252", generators.System)
	if err != nil {
		log.Fatal(err)
	}
	bundle, losses, err := daemonize.Render(daemons[0], target, generators.Policy{})
	if err != nil || losses.HasErrors() {
		log.Fatal(err, losses.Err())
	}
	for _, file := range bundle.Artifacts {
		fmt.Println(file.Path)
		for line := range strings.Lines(string(file.Content)) {
			if strings.HasPrefix(line, "ExecStart=") || strings.HasPrefix(line, "Restart=") {
				fmt.Print(line)
			}
		}
	}
	// Output:
	// /etc/systemd/system/web.service
	// ExecStart=/usr/bin/web --motto "100%% $$HOME"
	// Restart=on-failure
}
