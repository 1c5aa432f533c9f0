package db_test

func runChild() bool { return false }
