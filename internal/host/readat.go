package host

import "io"

// ReadAt fills b with what is at an offset of a file, such as the memory of a
// process (proc_pid_mem(5)).
func (t *Tree) ReadAt(name string, b []byte, offset int64) error {
	at, err := t.resolve(name, true)
	if err != nil {
		return err
	}
	f, err := t.root.Open(at)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.ReadFull(io.NewSectionReader(f, offset, int64(len(b))), b)
	return err
}
