// The life of one control plane: its servers live exactly as long as this
// process, and its folder goes with them.

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const usage = `
control-plane attached [CRDS...]       serve from a temporary folder until standard input ends,
                                       and obey its lines: kill SERVER, start SERVER
control-plane serve FOLDER [CRDS...]   serve from FOLDER until SIGTERM or SIGINT
control-plane up FOLDER [CRDS...]      have one serve from FOLDER in the background
control-plane down FOLDER              stop the one that serves from FOLDER
CRDS are files, or folders of them, with CustomResourceDefinitions only.`

// What is printed as one line of JSON once the servers answer.
type ready struct {
	Folder     string `json:"folder"`
	Kubeconfig string `json:"kubeconfig"`
	AuditLog   string `json:"audit_log"`
	Kubectl    string `json:"kubectl"`
}

func supervisor(args []string) int {
	// The servers are killed when the thread that started them ends: let it be
	// one that lasts as long as the process.
	runtime.LockOSThread()
	// Whoever reads our output may be gone when the servers are still to be stopped.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()

	err := errors.New("usage:" + usage)
	switch {
	case len(args) >= 1 && args[0] == "attached":
		err = attached(ctx, args[1:])
	case len(args) >= 2 && args[0] == "serve":
		err = serve(ctx, args[1], args[2:])
	case len(args) >= 2 && args[0] == "up":
		err = up(ctx, args[1], args[2:])
	case len(args) == 2 && args[0] == "down":
		err = down(ctx, args[1])
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "control-plane: %v\n", err)
		return 1
	}
	return 0
}

// attached serves until standard input ends, as it does when the process at
// its other end dies, in whatever way.
func attached(ctx context.Context, crds []string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	commands := make(chan string)
	go func() {
		defer stop()
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			select {
			case commands <- lines.Text():
			case <-ctx.Done():
				return
			}
		}
	}()

	folder, err := holdTemporary()
	if err != nil {
		return err
	}
	defer folder.remove()
	return run(ctx, folder, crds, commands)
}

func serve(ctx context.Context, path string, crds []string) error {
	folder, err := hold(path)
	if err != nil {
		return err
	}
	defer folder.empty()
	return run(ctx, folder, crds, nil)
}

func run(ctx context.Context, folder *folder, crds []string, commands <-chan string) error {
	binaries, err := findBinaries()
	if err != nil {
		return err
	}
	plane, err := start(ctx, folder, binaries, crds)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to end before it had begun
		}
		return err
	}
	defer plane.stop()

	line, err := json.Marshal(ready{
		Folder:     folder.path,
		Kubeconfig: folder.file(kubeconfig),
		AuditLog:   folder.file(auditLog),
		Kubectl:    filepath.Join(binaries, "kubectl"),
	})
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return plane.wait(ctx, commands)
}

// findBinaries gives the folder of the servers: the one that KUBEBUILDER_ASSETS
// names, or else our own.
func findBinaries() (string, error) {
	folder, advice := os.Getenv("KUBEBUILDER_ASSETS"), "unset KUBEBUILDER_ASSETS and "
	if folder == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		folder, advice = filepath.Dir(self), ""
	}
	var missing []string
	for _, part := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kubectl"} {
		if _, err := os.Stat(filepath.Join(folder, part)); err != nil {
			missing = append(missing, part)
		}
	}
	if missing != nil {
		return "", fmt.Errorf("%s lacks %s: %srun `make control-plane-binaries`",
			folder, strings.Join(missing, ", "), advice)
	}
	return folder, nil
}
