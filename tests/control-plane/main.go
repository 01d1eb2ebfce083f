// One binary that is a whole Kubernetes control plane for tests, whichever
// part it is called as.
//
// etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl share
// most of their code: linked together they build in a fraction of the time and space.
// The layout of links beside the binary is the one that KUBEBUILDER_ASSETS
// names, and under its own name, control-plane, it runs the others.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	kubectl "k8s.io/kubectl/pkg/cmd"

	// What the servers' own main packages link in: a log format, the metrics
	// of their client and of their version.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "kubectl":
		os.Exit(cli.Run(kubectl.NewDefaultKubectlCommand()))
	case "control-plane":
		os.Exit(supervisor(os.Args[1:]))
	default:
		fmt.Fprintf(os.Stderr, "%s is none of the parts of the control plane\n", name)
		os.Exit(2)
	}
}
