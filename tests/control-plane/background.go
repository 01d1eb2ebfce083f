// A control plane in the background, for work by hand.

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// The ends of three logs, and what went wrong.
const maxReason = 1 << 16

// up starts one that serves from the folder unless one does, and tells how to use it.
func up(ctx context.Context, path string, crds []string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	pid, err := holder(path)
	if err != nil {
		return err
	}
	if pid == 0 {
		failed := startBackground(path, crds)
		if failed == nil {
			return nil
		}
		// Unless another was started at the same time.
		if pid, err = holder(path); err != nil || pid == 0 {
			return errors.Join(failed, err)
		}
	}
	// It may not be ready yet.
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	for {
		if pid, err = holder(path); err != nil {
			return err
		}
		if pid == 0 {
			return fmt.Errorf("the control plane that was starting in %s has ended", path)
		}
		if _, err := os.Stat(filepath.Join(path, kubeconfig)); err == nil {
			return tell(path, fmt.Sprintf("A control plane (process %d) is running already", pid))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d holds %s, but has no kubeconfig yet", pid, path)
		case <-time.After(pollPause):
		}
	}
}

func startBackground(path string, crds []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Beside the folder, which goes with the control plane.
	log, err := os.OpenFile(path+".log", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{"serve", path}, crds...)...)
	cmd.Args[0] = "control-plane"
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// One line when it is ready; none if it has ended.
	if _, err := bufio.NewReader(output).ReadBytes('\n'); err != nil {
		_ = cmd.Wait()
		text, err := io.ReadAll(io.NewSectionReader(log, before, maxReason))
		if err != nil {
			return err
		}
		return fmt.Errorf("it did not start:\n%s", bytes.TrimSpace(text))
	}
	return tell(path, fmt.Sprintf("A control plane (process %d) is running", cmd.Process.Pid))
}

func tell(path, first string) error {
	_, err := fmt.Printf("# %s; `make control-plane-stop` ends it.\nexport KUBECONFIG=%s\n",
		first, filepath.Join(path, kubeconfig))
	return err
}

// down stops the one that serves from the folder.
func down(ctx context.Context, path string) error {
	pid, err := holder(path)
	if err != nil {
		return err
	}
	if pid == 0 {
		fmt.Println("No control plane is running")
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for {
		now, err := holder(path)
		if err != nil || now != pid {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollPause):
		}
	}
}
