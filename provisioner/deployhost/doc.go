// Package deployhost is the Packer face: the schema that people fill in, its
// translation into typed values, and what they see while Packer runs.
package deployhost
