// The custom resources that a control plane knows from its start.

package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// applyCRDs has to come before the garbage collector starts, which looks for
// new kinds only every 30 seconds: until then it would not miss their owners.
func (p *plane) applyCRDs(ctx context.Context, paths []string) error {
	for _, path := range paths {
		for _, args := range [][]string{
			{"apply", "--server-side", "--field-manager=test", "--filename=" + path},
			{"wait", "--for=condition=Established", "--timeout=60s", "--filename=" + path},
		} {
			kubectl := exec.CommandContext(ctx, filepath.Join(p.binaries, "kubectl"),
				append([]string{"--kubeconfig=" + p.folder.file(kubeconfig+".new")}, args...)...)
			// Its cache goes to the folder too, see launch.
			kubectl.Env = []string{"HOME=" + p.folder.path}
			if output, err := kubectl.CombinedOutput(); err != nil {
				return fmt.Errorf("kubectl %v: %w\n%s", args, err, output)
			}
		}
	}
	return nil
}
