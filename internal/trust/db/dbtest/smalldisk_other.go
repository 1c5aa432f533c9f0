//go:build !linux

package dbtest

import "testing"

// OnSmallDisk needs Linux.
func OnSmallDisk(*testing.T, int64, func(*testing.T, string)) bool { return false }
