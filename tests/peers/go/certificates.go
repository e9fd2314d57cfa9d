package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// writeCertificates makes what a public listener needs for 127.0.0.1: `ca.pem`, `web.pem` and `web.key`.
func writeCertificates(directory string) error {
	caKey, ca, err := certificate("Certificates of test-peers", nil, nil)
	if err != nil {
		return err
	}
	webKey, web, err := certificate("localhost", ca, caKey)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(webKey)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name, kind string
		content    []byte
	}{{"ca.pem", "CERTIFICATE", ca.Raw}, {"web.pem", "CERTIFICATE", web.Raw}, {"web.key", "PRIVATE KEY", key}} {
		text := pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.content})
		if err := os.WriteFile(filepath.Join(directory, file.name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// certificate makes an authority where no issuer is given, else a server's certificate.
func certificate(name string, issuer *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
	}
	if issuer == nil {
		template.IsCA, template.KeyUsage, issuer, by = true, x509.KeyUsageCertSign, template, key
	} else {
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	return key, parsed, err
}
