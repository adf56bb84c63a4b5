package dataset

import "context"

// The checksums of the compressed files are the published ones. Debian's package dataset-fashion-mnist recompressed the
// same contents without the file name in the gzip header, so its files are 23 or 24 bytes shorter.
var fashionInfo = Info{
	Name: "fashion-mnist", Title: "Fashion-MNIST clothing", Source: "https://github.com/zalandoresearch/fashion-mnist",
	License:     "MIT (Zalando SE)",
	Classes:     fashionClasses,
	Image:       28,
	Channels:    1,
	TrainImages: 60000, TestImages: 10000,
	Files: []File{
		{"train-images-idx3-ubyte.gz", fashionURL + "train-images-idx3-ubyte.gz", 26421880,
			"3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
			47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
		{"train-labels-idx1-ubyte.gz", fashionURL + "train-labels-idx1-ubyte.gz", 29515,
			"a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
			60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
		{"t10k-images-idx3-ubyte.gz", fashionURL + "t10k-images-idx3-ubyte.gz", 4422102,
			"346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
			7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
		{"t10k-labels-idx1-ubyte.gz", fashionURL + "t10k-labels-idx1-ubyte.gz", 5148,
			"67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
			10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
	},
}

const fashionURL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

var fashionClasses = []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
	"Bag", "Ankle boot"}

func loadFashion(ctx context.Context, o Options) (*Data, error) { return loadIDX(ctx, fashionInfo, o) }
