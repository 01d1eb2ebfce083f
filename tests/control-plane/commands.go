// What an attached control plane is told while it serves: a server is killed,
// as a crash would, and started again as it was.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// What is printed as one line of JSON for each command, once it is done.
type answer struct {
	Command string `json:"command"`
	Error   string `json:"error,omitempty"`
}

// obey answers what cannot be done; a server that does not come back is an error.
func (p *plane) obey(ctx context.Context, command string) error {
	verb, name, _ := strings.Cut(command, " ")
	done := answer{Command: command}
	switch s := p.find(name); {
	case s == nil:
		done.Error = "there is no such server"
	case verb == "kill" && s.killed:
		done.Error = "it was killed before"
	case verb == "kill":
		if err := s.kill(); err != nil {
			return err
		}
	case verb == "start" && !s.killed:
		done.Error = "it runs"
	case verb == "start":
		if err := p.startAgain(ctx, s); err != nil {
			return err
		}
	default:
		done.Error = "it is neither to kill nor to start"
	}
	line, err := json.Marshal(done)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return nil
}

func (p *plane) find(name string) *server {
	for _, s := range p.servers {
		if s.name == name {
			return s
		}
	}
	return nil
}

// kill fails if the server had ended by itself.
func (s *server) kill() error {
	if s.isGone() {
		return fmt.Errorf("%s had ended before it was to be killed: %v%s", s.name, s.cmd.ProcessState, s.tail())
	}
	s.killed = true
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	<-s.gone
	return nil
}

func (p *plane) startAgain(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startBound, fmt.Errorf("%v have passed", startBound))
	defer cancel()
	if err := p.run(s); err != nil {
		return err
	}
	switch s.name {
	case "etcd":
		return p.awaitEtcd(ctx)
	case "kube-apiserver":
		return p.awaitAPI(ctx)
	default:
		return p.awaitControllers(ctx)
	}
}
