// Tells people that their chart is on its way. In production also by text message.
local service = import 'lib/service.libsonnet';

local channels = {
  dev: ['log'],
  staging: ['log', 'mail'],
  production: ['mail', 'sms'],
};

function(environment, replicas=1) [
  service.config('notifier', {
    'channels.json': std.manifestJsonEx({ channels: channels[environment] }, '  '),
  }),
  service.deployment('notifier', 'ghcr.io/harbour/notifier:0.12.0', replicas, {
    ENVIRONMENT: environment,
    QUEUE: 'payment-settled',
  }),
]
