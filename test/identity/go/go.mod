module isobar.test/identity

go 1.26.0
