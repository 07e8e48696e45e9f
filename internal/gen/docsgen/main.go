// Command docsgen writes the generated pages of docs/ from the field index,
// the capability tables, the codes of diagnostics and the commands, so that
// what they say is what the program does. The same source gives the same
// bytes.
//
// Usage: go run ./internal/gen/docsgen [DIR]
package main

import (
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("docsgen: ")
	dir := "docs"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	pages, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range pages {
		if err := os.WriteFile(filepath.Join(dir, p.name), p.text, 0o644); err != nil {
			log.Fatalf("cannot write page: %v", err)
		}
	}
}
