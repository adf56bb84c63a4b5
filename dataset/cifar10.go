package dataset

var cifar10 = cifar{
	info: Info{
		Name: "cifar10", Title: "CIFAR-10 tiny colour photographs",
		Source:      "https://www.cs.toronto.edu/~kriz/cifar.html",
		License:     "none stated; its authors ask to cite Krizhevsky 2009",
		Classes:     []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
		Image:       cifarSide,
		Channels:    3,
		TrainImages: 50000, TestImages: 10000,
		Files: []File{{Name: "cifar-10-binary.tar.gz", URL: cifarURL + "cifar-10-binary.tar.gz", Size: 170052171,
			SHA256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}},
	},
	folder:     "cifar-10-batches-bin",
	labelBytes: 1,
	train: []File{
		{Name: "data_batch_1.bin", Size: 30730000,
			SHA256: "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
		{Name: "data_batch_2.bin", Size: 30730000,
			SHA256: "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
		{Name: "data_batch_3.bin", Size: 30730000,
			SHA256: "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
		{Name: "data_batch_4.bin", Size: 30730000,
			SHA256: "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
		{Name: "data_batch_5.bin", Size: 30730000,
			SHA256: "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
	},
	test: []File{{Name: "test_batch.bin", Size: 30730000,
		SHA256: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}},
}
