// The folder of a control plane, and the lock that tells whether one serves
// from it: the kernel lets go of the lock when the process ends, and names its
// holder, which a file with a process id in it cannot do.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	lockFile        = "lock"
	temporaryPrefix = "nico-control-plane-"
)

type folder struct {
	path string
	lock *os.File
}

// hold makes the folder ours, and empty.
func hold(path string) (*folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(path, lockFile)); err != nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s holds something else than a control plane", path)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.FcntlFlock(lock.Fd(), syscall.F_SETLK, wholeFile()); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("another control plane serves from %s: %w", path, err)
	}
	held := &folder{path, lock}
	held.empty()
	return held, nil
}

// holdTemporary makes a new folder, after removing those that were left behind
// by control planes that were killed.
func holdTemporary() (*folder, error) {
	old, err := filepath.Glob(filepath.Join(os.TempDir(), temporaryPrefix+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range old {
		if left, err := hold(path); err == nil {
			left.remove()
		}
	}
	// It gets the name that is looked for above when it is locked, not before.
	path, err := os.MkdirTemp("", "nico-starting-")
	if err != nil {
		return nil, err
	}
	held, err := hold(path)
	if err != nil {
		return nil, err
	}
	held.path = filepath.Join(os.TempDir(), temporaryPrefix+filepath.Base(path)[len("nico-starting-"):])
	return held, os.Rename(path, held.path)
}

// holder is the process that serves from the folder, or 0.
func holder(path string) (int, error) {
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	asked := wholeFile()
	if err := syscall.FcntlFlock(lock.Fd(), syscall.F_GETLK, asked); err != nil {
		return 0, err
	}
	if asked.Type == syscall.F_UNLCK {
		return 0, nil
	}
	return int(asked.Pid), nil
}

func wholeFile() *syscall.Flock_t { return &syscall.Flock_t{Type: syscall.F_WRLCK} }

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// empty leaves the lock: who waits for it must wait for the same file.
func (f *folder) empty() {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		fmt.Fprintf(os.Stderr, "control-plane: %v\n", err)
	}
	for _, entry := range entries {
		if entry.Name() != lockFile {
			f.report(os.RemoveAll(f.file(entry.Name())))
		}
	}
}

func (f *folder) remove() {
	f.report(os.RemoveAll(f.path))
	_ = f.lock.Close()
}

func (f *folder) report(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "control-plane: %v\n", err)
	}
}
