// Package argocd is the messages of Argo CD's API: what clients send and what they are answered, as plain structs.
//
// The idea: this is where the contract is quarantined. Field numbers (in the protobuf tags) and JSON names are those of
// Argo CD 3.6's services, package wire puts them on the wire, and Methods lists every remote procedure with its REST
// routes. Scalars marked proto3 are left out when zero; req ones are always sent, since clients of the older protobuf
// syntax refuse a message without them. Read Methods first. The package refuses to do anything.
package argocd
