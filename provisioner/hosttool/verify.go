package main

import (
	"fmt"
	"os"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/verify"
)

func runVerify(args []string) int {
	if len(args) > 0 {
		fmt.Fprintln(os.Stderr, "deployhost verify takes no arguments")
		return usageStatus
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "deployhost verify reads what only root may: run it with sudo")
		return 1
	}
	text, err := os.ReadFile(blueprint.Path)
	if err != nil {
		fmt.Fprintf(os.Stderr, "this host holds no blueprint: %v\n", err)
		return 1
	}
	b, err := blueprint.Decode(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	report := verify.Run(host.New(), b)
	for _, warning := range report.Warnings {
		fmt.Println("warning:", warning)
	}
	for _, problem := range report.Problems {
		fmt.Println("problem:", problem)
	}
	if len(report.Problems) == 0 {
		fmt.Println("the image is what its blueprint says")
	}
	return status(len(report.Problems) == 0)
}
