package argocd

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What follows is ours, beyond the contract: no server but this one answers Why and Commits.

// WhyQuery asks for Why.
type WhyQuery struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,2,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,3,opt,name=project,proto3"`
}

// WhyResponse answers Why: what is true of an application, in one sentence, and what it was said by.
type WhyResponse struct {
	State       string       `json:"state" protobuf:"bytes,1,opt,name=state,proto3"`       // Well, Held, Differs, Failed, Stopped, Unreachable, Syncing, Waiting, Asked, Deleting, NeverSynced, Unknown, or a health
	Sentence    string       `json:"sentence" protobuf:"bytes,2,opt,name=sentence,proto3"` // the texts of words
	Words       []WhyWord    `json:"words" protobuf:"bytes,3,rep,name=words"`
	Object      *WhyObject   `json:"object,omitempty" protobuf:"bytes,4,opt,name=object"`           // the cause, when it is one object
	Since       *metav1.Time `json:"since,omitempty" protobuf:"bytes,5,opt,name=since"`             // of the state
	Commit      *WhyCommit   `json:"commit,omitempty" protobuf:"bytes,6,opt,name=commit"`           // that the application was compared with last
	Culprit     *WhyCommit   `json:"culprit,omitempty" protobuf:"bytes,7,opt,name=culprit"`         // that brought it about
	Hint        string       `json:"hint,omitempty" protobuf:"bytes,8,opt,name=hint,proto3"`        // what to do
	Differences []WhyChange  `json:"differences,omitempty" protobuf:"bytes,9,rep,name=differences"` // fields in which live differs from Git, those that people wrote first
	More        int64        `json:"more,omitempty" protobuf:"varint,10,opt,name=more,proto3"`      // differences that are left out
	Facts       []WhyFact    `json:"facts,omitempty" protobuf:"bytes,11,rep,name=facts"`
}

// WhyWord is a part of the sentence: plain text, or a time, an object or a commit that reads so.
type WhyWord struct {
	Text    string       `json:"text" protobuf:"bytes,1,opt,name=text,proto3"`
	Time    *metav1.Time `json:"time,omitempty" protobuf:"bytes,2,opt,name=time"`
	Lasting bool         `json:"lasting,omitempty" protobuf:"varint,3,opt,name=lasting,proto3"` // it reads how long it has lasted, and not how long ago it was
	Object  *WhyObject   `json:"object,omitempty" protobuf:"bytes,4,opt,name=object"`
	Commit  string       `json:"commit,omitempty" protobuf:"bytes,5,opt,name=commit,proto3"`
}

// WhyObject names an object.
type WhyObject struct {
	Group     string `json:"group,omitempty" protobuf:"bytes,1,opt,name=group,proto3"`
	Kind      string `json:"kind,omitempty" protobuf:"bytes,2,opt,name=kind,proto3"`
	Namespace string `json:"namespace,omitempty" protobuf:"bytes,3,opt,name=namespace,proto3"`
	Name      string `json:"name,omitempty" protobuf:"bytes,4,opt,name=name,proto3"`
}

// WhyChange is one field that differs. Git and live are JSON; secret values are masked.
type WhyChange struct {
	Object  WhyObject    `json:"object" protobuf:"bytes,1,opt,name=object"`
	Path    string       `json:"path" protobuf:"bytes,2,opt,name=path,proto3"`
	Git     string       `json:"git,omitempty" protobuf:"bytes,3,opt,name=git,proto3"`
	Live    string       `json:"live,omitempty" protobuf:"bytes,4,opt,name=live,proto3"`
	Manager string       `json:"manager,omitempty" protobuf:"bytes,5,opt,name=manager,proto3"`
	Time    *metav1.Time `json:"time,omitempty" protobuf:"bytes,6,opt,name=time"`
	Ours    bool         `json:"ours,omitempty" protobuf:"varint,7,opt,name=ours,proto3"` // an earlier sync wrote it: Git has moved on
}

// WhyFact is one more thing that helps to understand: "last event", when, and what.
type WhyFact struct {
	Name string       `json:"name" protobuf:"bytes,1,opt,name=name,proto3"`
	Time *metav1.Time `json:"time,omitempty" protobuf:"bytes,2,opt,name=time"`
	Text string       `json:"text" protobuf:"bytes,3,opt,name=text,proto3"`
}

// WhyCommit is a commit as people know it.
type WhyCommit struct {
	Revision string       `json:"revision" protobuf:"bytes,1,opt,name=revision,proto3"`
	Author   string       `json:"author,omitempty" protobuf:"bytes,2,opt,name=author,proto3"`
	Subject  string       `json:"subject,omitempty" protobuf:"bytes,3,opt,name=subject,proto3"`
	Date     *metav1.Time `json:"date,omitempty" protobuf:"bytes,4,opt,name=date"`
}

// CommitsQuery asks for Commits: those that lead to one revision of a source and not to another, and changed what the
// application is made of there.
type CommitsQuery struct {
	Name         string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	AppNamespace string `json:"appNamespace,omitempty" protobuf:"bytes,2,opt,name=appNamespace,proto3"`
	Project      string `json:"project,omitempty" protobuf:"bytes,3,opt,name=project,proto3"`
	From         string `json:"from,omitempty" protobuf:"bytes,4,opt,name=from,proto3"` // left out itself; empty: from the beginning
	To           string `json:"to,omitempty" protobuf:"bytes,5,opt,name=to,proto3"`     // empty: what the source follows
	SourceIndex  int32  `json:"sourceIndex,omitempty" protobuf:"varint,6,opt,name=sourceIndex,proto3"`
	Limit        int64  `json:"limit,omitempty" protobuf:"varint,7,opt,name=limit,proto3"` // 50 when it is 0; at most 500

	// The object whose file alone counts, where it is written in one; empty: all of the application.
	Group        string `json:"group,omitempty" protobuf:"bytes,8,opt,name=group,proto3"`
	Kind         string `json:"kind,omitempty" protobuf:"bytes,9,opt,name=kind,proto3"`
	Namespace    string `json:"namespace,omitempty" protobuf:"bytes,10,opt,name=namespace,proto3"`
	ResourceName string `json:"resourceName,omitempty" protobuf:"bytes,11,opt,name=resourceName,proto3"`
}

// CommitsResponse answers Commits, the newest first.
type CommitsResponse struct {
	Items []WhyCommit `json:"items" protobuf:"bytes,1,rep,name=items"`
	More  bool        `json:"more,omitempty" protobuf:"varint,2,opt,name=more,proto3"` // there are others before
}
