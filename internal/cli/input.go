package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/daemonize/daemonize"
	"github.com/daemonize/daemonize/spec"
	"github.com/daemonize/daemonize/spec/diag"
)

// inputs lists the spec files that the arguments name: files as they are, -
// for standard input, and below directories every *.daemon.yaml and
// *.daemon.yml in lexical order.
func inputs(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err == nil && !info.IsDir() {
			files = append(files, arg)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot open spec: %w", err)
		}
		before := len(files)
		err = filepath.WalkDir(arg, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && (strings.HasSuffix(path, ".daemon.yaml") || strings.HasSuffix(path, ".daemon.yml")) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot search %s for specs: %w", arg, err)
		}
		if len(files) == before {
			return nil, fmt.Errorf("cannot find a spec below %s: no file ends in .daemon.yaml or .daemon.yml", arg)
		}
	}
	return files, nil
}

// document is one spec file, read.
type document struct {
	file    string
	src     []byte
	daemons []*spec.Daemon
	diags   diag.List
}

func (a *app) read(file string) (document, error) {
	r, name := a.Stdin, "<stdin>"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return document{}, fmt.Errorf("cannot open spec: %w", err)
		}
		defer f.Close()
		r, name = f, file
	}
	var src strings.Builder // the bytes are kept only if there is something to show
	daemons, diags, err := daemonize.Load(io.TeeReader(r, &src), name)
	doc := document{file: name, daemons: daemons, diags: diags}
	doc.src = []byte(src.String())
	return doc, err
}

// keep remembers the source of a document that has something to report, so
// that snippets can be shown; all others are forgotten at once.
func (a *app) keep(doc document, diags diag.List) {
	if len(diags) > 0 && a.sources[doc.file] == nil {
		a.sources[doc.file] = doc.src
	}
}

// inOrder runs work for each item on all processors and hands the results to
// done in the order of the items. At most a few items are in flight, so
// memory does not grow with their number.
func inOrder[T, R any](items []T, work func(T) R, done func(R)) {
	workers := min(runtime.GOMAXPROCS(0), len(items))
	if workers <= 1 {
		for _, item := range items {
			done(work(item))
		}
		return
	}
	type job struct {
		item   T
		result chan R
	}
	jobs := make(chan job)
	queue := make(chan chan R, 4*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				j.result <- work(j.item)
			}
		})
	}
	go func() {
		for _, item := range items {
			j := job{item, make(chan R, 1)}
			queue <- j.result
			jobs <- j
		}
		close(queue)
		close(jobs)
	}()
	for result := range queue {
		done(<-result)
	}
	wg.Wait()
}
