// Command hawser pulls Kubernetes clusters to what Git says and holds them there.
package main

import (
	"os"
	_ "time/tzdata" // sync windows name time zones, and an image without a distribution has none

	"github.com/hawser-cd/hawser/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.StdIO()))
}
