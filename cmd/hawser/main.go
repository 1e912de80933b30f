// Command hawser pulls Kubernetes clusters to what Git says and holds them there.
package main

import (
	"os"

	"github.com/hawser-cd/hawser/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.StdIO()))
}
