package dataset

// cifar100 uses the 100 fine labels; it skips the coarse label before each.
var cifar100 = cifar{
	info: Info{
		Name: "cifar100", Title: "CIFAR-100 tiny colour photographs, fine labels",
		Source:  "https://www.cs.toronto.edu/~kriz/cifar.html",
		License: "none stated; its authors ask to cite Krizhevsky 2009",
		Classes: []string{
			"apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
			"bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
			"chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
			"dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
			"lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
			"mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear",
			"pickup_truck", "pine_tree",
			"plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
			"rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
			"squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television",
			"tiger", "tractor",
			"train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
		},
		Image:       cifarSide,
		Channels:    3,
		TrainImages: 50000, TestImages: 10000,
		Files: []File{{Name: "cifar-100-binary.tar.gz", URL: cifarURL + "cifar-100-binary.tar.gz", Size: 168513733,
			SHA256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}},
	},
	folder:     "cifar-100-binary",
	labelBytes: 2,
	train: []File{{Name: "train.bin", Size: 153700000,
		SHA256: "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"}},
	test: []File{{Name: "test.bin", Size: 30740000,
		SHA256: "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"}},
}
