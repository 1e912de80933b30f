// Package v1alpha1 holds the words of the group argoproj.io/v1alpha1 as Go
// structs: Application, AppProject and ApplicationSet, spelled on the wire as
// Argo CD 3.6 spells them, so that existing manifests, clients and backups fit.
//
// Read [ApplicationSpec] first (what a user wants), then [ApplicationStatus]
// (what we answer) and [Operation] (how a sync is asked for). Constants for
// every enumeration, annotation, label and finalizer are in names.go.
//
// Two encodings hang on the tags: `json` is the wire of Kubernetes and of the
// REST API; `protobuf` carries the field numbers of Argo CD's gRPC messages. A
// field without a protobuf tag does not travel over gRPC. Whether a key is
// printed when empty is part of the contract: a struct value under `omitempty`
// is still printed by encoding/json, clients have come to expect for example
// status.sync.comparedTo.destination, and so the tags must not be "improved".
//
// The first sentence of each comment on a field of a spec becomes the text of
// `kubectl explain` (deploy/crdgen reads it).
//
// The package refuses to decide anything: it has copies and the few accessors
// that resolve a default ([ApplicationSpec.SourceList],
// [ApplicationSpec.Automation]), and no other logic.
package v1alpha1
