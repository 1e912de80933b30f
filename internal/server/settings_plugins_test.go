package server

import (
	"errors"
	"testing"
)

func TestPluginsAreListed(t *testing.T) {
	s := &server{}
	if list, err := s.getPlugins(nil, nil); err != nil || len(list.Plugins) != 0 {
		t.Errorf("without plugins: %+v, %v", list, err)
	}
	s.Plugins = func() ([]string, error) { return []string{"a", "b-v1"}, nil }
	if list, err := s.getPlugins(nil, nil); err != nil || len(list.Plugins) != 2 || list.Plugins[1].Name != "b-v1" {
		t.Errorf("two plugins: %+v, %v", list, err)
	}
	s.Plugins = func() ([]string, error) { return nil, errors.New("no directory") }
	if _, err := s.getPlugins(nil, nil); err == nil {
		t.Error("a directory that cannot be read holds no plugins")
	}
}
