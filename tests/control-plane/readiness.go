// When a control plane is ready: by its deeds, not by its ports.

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Whoever took our port may accept connections and say nothing.
const answerBound = 5 * time.Second

type client struct {
	access
	http http.Client
}

// connect waits for the API server, and writes the kubeconfigs for it.
func (p *plane) connect(ctx context.Context, a access) error {
	var certificate []byte
	roots := x509.NewCertPool()
	err := p.await(ctx, "the API server's certificate", func() (err error) {
		certificate, err = os.ReadFile(p.folder.file(certificates + "/apiserver.crt"))
		// It is there before it is written.
		if err == nil && !roots.AppendCertsFromPEM(certificate) {
			err = errors.New("the file holds no certificate")
		}
		return err
	})
	if err != nil {
		return err
	}
	// A transport of its own: the default one listens to HTTPS_PROXY.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	p.admin = &client{a, http.Client{Transport: transport, Timeout: answerBound}}
	if err := p.awaitAPI(ctx); err != nil {
		return err
	}
	return writeKubeconfigs(p.folder, a, certificate)
}

// awaitAPI waits until the API server says that it is ready, and has what it makes itself.
func (p *plane) awaitAPI(ctx context.Context) error {
	for _, path := range []string{"/readyz", "/api/v1/namespaces/default"} {
		err := p.await(ctx, path, func() error { return p.admin.expect(ctx, http.StatusOK, "GET", path, "") })
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitEtcd waits for etcd, and for the API server to find it again.
func (p *plane) awaitEtcd(ctx context.Context) error {
	// A transport of its own here too.
	etcd := &client{access{server: p.etcd}, http.Client{Transport: &http.Transport{}, Timeout: answerBound}}
	err := p.await(ctx, "etcd", func() error { return etcd.expect(ctx, http.StatusOK, "GET", "/health", "") })
	if err != nil || p.find("kube-apiserver").killed {
		return err
	}
	return p.awaitAPI(ctx)
}

// awaitControllers sees the garbage collector remove an object whose owner is no more.
func (p *plane) awaitControllers(ctx context.Context) error {
	const (
		all    = "/api/v1/namespaces/default/configmaps"
		orphan = all + "/control-plane-probe"
		body   = `{"metadata":{"name":"control-plane-probe","ownerReferences":[
			{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"00000000-0000-0000-0000-000000000000"}]}}`
	)
	if err := p.admin.expect(ctx, http.StatusCreated, "POST", all, body); err != nil {
		return err
	}
	return p.await(ctx, "the garbage collector", func() error {
		return p.admin.expect(ctx, http.StatusNotFound, "GET", orphan, "")
	})
}

func (c *client) expect(ctx context.Context, status int, method, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.adminToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != status {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	return nil
}
