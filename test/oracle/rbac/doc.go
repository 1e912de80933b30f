// Package oracle compares internal/rbac with casbin, the engine that Argo CD decides with.
//
// The idea: both get the same random policies, subjects and requests and must answer alike. It is a module of its own so
// that casbin is no dependency of the product. Read TestSameAsCasbin first. It refuses to judge lines that Argo CD does
// not accept or that we refuse on purpose: internal/rbac has the tests for those.
package oracle
