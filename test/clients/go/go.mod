module isobar.test/clients

go 1.25.0
