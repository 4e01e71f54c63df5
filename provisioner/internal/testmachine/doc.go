// Package testmachine makes and boots real machines out of nothing but
// Debian packages: base root file systems, containers that boot systemd at
// native speed, and QEMU virtual machines.
//
// Acceptance tests, `make bake` and a person at the keyboard use the same
// ones. Everything that is built is kept below CacheDir; everything that
// runs belongs to a numbered slot, and whoever takes a slot first sweeps
// away what a killed run may have left of it. Linux and root are needed for
// all that boots.
package testmachine
