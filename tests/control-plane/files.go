// The files that the servers and their clients read.

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"time"
)

const (
	kubeconfig           = "kubeconfig"
	controllerKubeconfig = "controller-manager.kubeconfig"
	certificates         = "certificates"
	accountKey           = "service-accounts.key"
	tokens               = "tokens.csv"
	auditPolicy          = "audit-policy.yaml"
	auditLog             = "audit.log"
	clientAuthority      = "client-authority.crt"
	clientAuthorityKey   = "client-authority.key"
)

//go:embed audit-policy.yaml
var auditPolicyText []byte

// access is what a client needs to know.
type access struct{ server, adminToken, controllerToken string }

// writeFiles writes what must be there before the servers start.
func writeFiles(folder *folder, port int) (access, error) {
	a := access{address("https", port), rand.Text(), rand.Text()}
	key, err := newKey()
	if err != nil {
		return a, err
	}
	// The controller manager has its own name, so that the audit log tells it from the tests.
	users := fmt.Sprintf("%s,admin,admin,system:masters\n%s,system:kube-controller-manager,controllers,system:masters\n",
		a.adminToken, a.controllerToken)
	authority, authorityKey, err := newAuthority()
	if err != nil {
		return a, err
	}
	for name, content := range map[string][]byte{
		accountKey:         key,
		tokens:             []byte(users),
		auditPolicy:        auditPolicyText,
		clientAuthority:    authority,
		clientAuthorityKey: authorityKey,
	} {
		if err := os.WriteFile(folder.file(name), content, 0o600); err != nil {
			return a, err
		}
	}
	return a, nil
}

// newKey makes the key that signs the tokens of service accounts.
func newKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// newAuthority makes what signs the certificates of clients: the tests do, with its key.
func newAuthority() (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "clients of a test"},
		NotBefore:             time.Now().AddDate(-1, 0, 0),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// writeKubeconfigs needs the certificate that the API server makes when it starts.
func writeKubeconfigs(folder *folder, a access, certificate []byte) error {
	for name, token := range map[string]string{
		kubeconfig + ".new":  a.adminToken,
		controllerKubeconfig: a.controllerToken,
	} {
		text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts:
- name: test
  context: {cluster: test, user: test}
clusters:
- name: test
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: test
  user: {token: %s}
`, a.server, base64.StdEncoding.EncodeToString(certificate), token)
		if err := os.WriteFile(folder.file(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
