package main

import (
	"context"
	"fmt"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/config"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/latest"
)

// podScheduler runs the upstream scheduler with its default profile.
type podScheduler struct {
	kubeconfig string // path
}

// run does in a few lines what the upstream app.Setup does in many: app.Setup leaves no place to give
// the scheduler's clients their name.
func (p podScheduler) run(ctx context.Context) error {
	c, err := p.configure(ctx)
	if err != nil {
		return fmt.Errorf("configure the scheduler: %w", err)
	}
	done := c.Complete()
	s, err := scheduler.New(ctx, done.Client, done.InformerFactory, done.DynInformerFactory,
		func(name string) events.EventRecorderLogger { return done.EventBroadcaster.NewRecorder(name) },
		scheduler.WithComponentConfigVersion(done.ComponentConfig.APIVersion),
		scheduler.WithKubeConfig(done.KubeConfig),
		scheduler.WithProfiles(done.ComponentConfig.Profiles...),
		scheduler.WithPercentageOfNodesToScore(done.ComponentConfig.PercentageOfNodesToScore),
		scheduler.WithPodMaxBackoffSeconds(done.ComponentConfig.PodMaxBackoffSeconds),
		scheduler.WithPodInitialBackoffSeconds(done.ComponentConfig.PodInitialBackoffSeconds),
		scheduler.WithPodMaxInUnschedulablePodsDuration(done.PodMaxInUnschedulablePodsDuration),
		scheduler.WithParallelism(done.ComponentConfig.Parallelism),
	)
	if err != nil {
		return fmt.Errorf("build the scheduler: %w", err)
	}
	return app.Run(ctx, &done, s)
}

func (p podScheduler) configure(ctx context.Context) (*config.Config, error) {
	o := options.NewOptions()
	var err error
	if o.ComponentConfig, err = latest.Default(); err != nil {
		return nil, err
	}
	err = parseFlags(*o.Flags, []string{
		"--kubeconfig=" + p.kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	})
	if err != nil {
		return nil, err
	}
	c := &config.Config{ComponentGlobalsRegistry: o.ComponentGlobalsRegistry}
	if err := o.ApplyTo(klog.FromContext(ctx), c); err != nil {
		return nil, err
	}
	c.KubeConfig.Wrap(calledAs("kube-scheduler"))
	if c.Client, err = kubernetes.NewForConfig(c.KubeConfig); err != nil {
		return nil, err
	}
	dynamicClient, err := dynamic.NewForConfig(c.KubeConfig)
	if err != nil {
		return nil, err
	}
	c.EventBroadcaster = events.NewEventBroadcasterAdapterWithContext(ctx, c.Client)
	c.InformerFactory = scheduler.NewInformerFactory(c.Client, 0)
	c.DynInformerFactory = dynamicinformer.NewDynamicSharedInformerFactory(dynamicClient, 0)
	return c, nil
}
