// What every small service of ours looks like.
{
  labels(name):: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'harbour' },

  deployment(name, image, replicas, env={}):: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: name, labels: $.labels(name) },
    spec: {
      replicas: replicas,
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: {
        metadata: { labels: $.labels(name) },
        spec: {
          containers: [{
            name: name,
            image: image,
            env: [{ name: k, value: env[k] } for k in std.objectFields(env)],
            resources: { requests: { cpu: '50m', memory: '32Mi' } },
          }],
        },
      },
    },
  },

  config(name, data):: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: name, labels: $.labels(name) },
    data: data,
  },
}
