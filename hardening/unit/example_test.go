package unit_test

import (
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/daemonize/daemonize/hardening/unit"
)

func ExampleLoader_LoadFile() {
	tree := fstest.MapFS{
		"web@.service":             {Data: []byte("[Service]\nExecStart=/usr/bin/web %i\nUser=web\nPrivateTmp=perhaps\n")},
		"web@.service.d/user.conf": {Data: []byte("[Service]\nUser=%i\n")},
	}
	u, err := unit.NewLoader(tree, unit.Options{Instance: "blue"}).LoadFile("web@.service")
	if err != nil {
		fmt.Println(err)
		return
	}
	user := u.Settings.User
	fmt.Println(u.Name, user.Value, user.From[0])
	fmt.Println(u.Commands[0].Args)
	for _, s := range u.Skips {
		fmt.Printf("%s: %s: %s\n", s.Origin, s.Text, s.Reason)
	}
	// Output:
	// web@blue.service blue web@.service.d/user.conf:2
	// [/usr/bin/web blue]
	// web@.service:4: PrivateTmp=perhaps: not a word that this version knows; the earlier value stays
}

func ExampleLoadError() {
	tree := fstest.MapFS{"web.service": {Data: []byte("[Service]\nExecStart=bin/web\n")}}
	_, err := unit.NewLoader(tree, unit.Options{}).LoadFile("web.service")
	var refused *unit.LoadError
	fmt.Println(errors.As(err, &refused), refused.Kind == unit.BadSetting)
	fmt.Println(err)
	// Output:
	// true true
	// cannot load web.service: web.service:2: ExecStart=: the program is neither a file name nor an absolute path
}
