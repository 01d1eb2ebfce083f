// The servers of a control plane: how they are called, started, watched and
// stopped.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// A start takes 3 seconds on an idle machine.
	startBound = 2 * time.Minute
	pollPause  = 50 * time.Millisecond
	// A port that was free may be taken before its server binds it.
	startAttempts = 5
	portTaken     = "address already in use"
	logTail       = 2000
)

type plane struct {
	folder   *folder
	binaries string
	servers  []*server
	ends     chan *server // each that has ended, however
	etcd     string       // its URL
	admin    *client
}

type server struct {
	name   string
	args   []string
	log    string
	cmd    *exec.Cmd
	gone   chan struct{} // closed when it has ended
	killed bool          // on command
}

func start(ctx context.Context, folder *folder, binaries string, crds []string) (*plane, error) {
	for attempt := 1; ; attempt++ {
		p := &plane{folder: folder, binaries: binaries, ends: make(chan *server)}
		err := p.start(ctx, crds)
		if err == nil {
			return p, nil
		}
		p.stop()
		if attempt == startAttempts || ctx.Err() != nil || !strings.Contains(err.Error(), portTaken) {
			return nil, err
		}
		folder.empty()
	}
}

func (p *plane) start(ctx context.Context, crds []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startBound, fmt.Errorf("%v have passed", startBound))
	defer cancel()
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	access, err := writeFiles(p.folder, ports[2])
	if err != nil {
		return err
	}

	client, peer := address("http", ports[0]), address("http", ports[1])
	p.etcd = client
	err = p.launch("etcd",
		"--name=test",
		"--data-dir="+p.folder.file("etcd"),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer,
		"--initial-cluster=test="+peer,
		// Nothing here has to survive a crash.
		"--unsafe-no-fsync")
	if err != nil {
		return err
	}
	err = p.launch("kube-apiserver",
		"--etcd-servers="+client,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]),
		// A loopback address is none for the endpoints of the Service `kubernetes`.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--cert-dir="+p.folder.file(certificates),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+p.folder.file(accountKey),
		"--service-account-signing-key-file="+p.folder.file(accountKey),
		"--authorization-mode=RBAC",
		"--client-ca-file="+p.folder.file(clientAuthority),
		"--token-auth-file="+p.folder.file(tokens),
		"--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
		"--audit-policy-file="+p.folder.file(auditPolicy),
		"--audit-log-path="+p.folder.file(auditLog),
		// One file, whatever its size in MB: its readers do not follow rotations.
		"--audit-log-maxsize=1000000")
	if err != nil {
		return err
	}
	if err := p.connect(ctx, access); err != nil {
		return err
	}
	if err := p.applyCRDs(ctx, crds); err != nil {
		return err
	}
	err = p.launch("kube-controller-manager",
		"--kubeconfig="+p.folder.file(controllerKubeconfig),
		"--leader-elect=false", "--secure-port=0",
		"--controllers=garbage-collector-controller,namespace-controller,serviceaccount-token-controller",
		"--service-account-private-key-file="+p.folder.file(accountKey),
		"--root-ca-file="+p.folder.file(certificates+"/apiserver.crt"))
	if err != nil {
		return err
	}
	if err := p.awaitControllers(ctx); err != nil {
		return err
	}
	// It appears only now, so that whoever finds it can use it.
	return os.Rename(p.folder.file(kubeconfig+".new"), p.folder.file(kubeconfig))
}

// launch starts a server that cannot outlive this process. It has to be called
// on the thread that supervisor() locked.
func (p *plane) launch(name string, args ...string) error {
	s := &server{name: name, args: args, log: p.folder.file(name + ".log")}
	if err := p.run(s); err != nil {
		return err
	}
	p.servers = append(p.servers, s)
	return nil
}

// run may be called again once the server is gone; its log goes on.
func (p *plane) run(s *server) error {
	log, err := os.OpenFile(s.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(p.binaries, s.name), s.args...)
	cmd.Stdout, cmd.Stderr = log, log
	// Variables such as ETCD_NAME or HTTPS_PROXY are meant for others.
	cmd.Env = []string{"HOME=" + p.folder.path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	s.cmd, s.gone, s.killed = cmd, gone, false
	go func() {
		_ = cmd.Wait()
		close(gone)
		p.ends <- s
	}()
	return nil
}

// await polls until the check finds nothing wrong, a server has ended or the
// context has.
func (p *plane) await(ctx context.Context, what string, check func() error) error {
	for {
		last := check()
		if last == nil {
			return nil
		}
		if err := p.ended(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last: %w%s", what, context.Cause(ctx), last, p.tails())
		case <-time.After(pollPause):
		}
	}
}

// ended is the error that a server has ended by itself.
func (p *plane) ended() error {
	for _, s := range p.servers {
		if s.isGone() && !s.killed {
			return fmt.Errorf("%s has ended: %v%s", s.name, s.cmd.ProcessState, s.tail())
		}
	}
	return nil
}

// wait obeys until it is time to stop; a server that ended by itself is an error.
func (p *plane) wait(ctx context.Context, commands <-chan string) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.ends:
			if err := p.ended(); err != nil {
				return err
			}
		case command := <-commands:
			if err := p.obey(ctx, command); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// stop kills: the servers have nothing to keep.
func (p *plane) stop() {
	for _, s := range p.servers {
		if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			fmt.Fprintf(os.Stderr, "control-plane: %s: %v\n", s.name, err)
		}
	}
	for _, s := range p.servers {
		<-s.gone
	}
}

func (s *server) isGone() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

func (p *plane) tails() string {
	var all strings.Builder
	for _, s := range p.servers {
		all.WriteString(s.tail())
	}
	return all.String()
}

func (s *server) tail() string {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return fmt.Sprintf("\n(no log: %v)", err)
	}
	if cut := len(log) - logTail; cut > 0 {
		log = log[cut:]
	}
	return fmt.Sprintf("\nThe log of %s ends:\n%s", s.name, bytes.TrimSpace(log))
}

// freePorts asks for all before it lets any go: they differ.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func address(scheme string, port int) string { return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port) }
