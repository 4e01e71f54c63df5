//go:build acceptance && linux

package acceptance

import (
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// base is a stock root directory of one Debian release of testmachine.Suites,
// never written to. It is made when the first test asks for it and the cache
// has none.
func base(t *testing.T, suite string) string {
	t.Helper()
	dir, err := testmachine.BaseRoot(shared.ctx, suite)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
