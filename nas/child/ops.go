package child

import (
	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// families maps each row of space.Families to a function. It adds an op with window k that brings x to f filters. Every
// convolution is relu-convolution-BN. Separable convolutions, pools and the identity are slim's (nasnet_utils.py,
// _apply_conv_operation); slim lacks the others, which follow AmoebaNet by the same authors (network_utils.py,
// _apply_conv_operation).
var families = map[space.Family]func(b *builder, path string, x nn.Node, k, f, stride int) nn.Node{
	space.Identity:   (*builder).identity,
	space.Conv:       (*builder).plain,
	space.Factorized: (*builder).factorized,
	space.Dilated:    (*builder).dilated,
	space.Separable:  (*builder).separable,
	space.AvgPool:    (*builder).avgPool,
	space.MaxPool:    (*builder).maxPool,
}

// reluConvBN adds relu, convolution, BN.
func (b *builder) reluConvBN(conv, bn string, x nn.Node, f, kh, kw int, o nn.ConvOpts) nn.Node {
	o.Relu = true
	if kh == 1 && kw == 1 {
		return b.point([]string{conv}, bn, []nn.Node{x}, f, o)
	}
	return b.bn(bn, b.conv(conv, x, f, kh, kw, o))
}

// identity returns x itself, or a 1x1 convolution where the size or the number of filters must change.
func (b *builder) identity(path string, x nn.Node, _, f, stride int) nn.Node {
	if stride == 1 && channels(x) == f {
		return x
	}
	return b.reluConvBN(path+"/conv", path+"/bn", x, f, 1, 1, nn.ConvOpts{Stride: stride})
}

// separable adds (relu, depthwise k x k, pointwise, BN) twice; only the first has the stride.
func (b *builder) separable(path string, x nn.Node, k, f, stride int) nn.Node {
	unit := func(n string, in, stride int) nn.Sep {
		return nn.Sep{
			Depth: b.g.Param(path+"/dw"+n+"/w", nn.FanOutDepthwise, k, k, 1, in),
			Point: b.g.Param(path+"/pw"+n+"/w", nn.FanOut, 1, 1, in, f),
			Norm:  b.g.Norm(path+"/bn"+n, f),
			Opts:  nn.ConvOpts{Stride: stride, Relu: true},
		}
	}
	first := unit("1", channels(x), stride)
	return b.g.SepPair(x, first, unit("2", f, 1))
}

// plain adds a convolution: 1x1 directly, larger windows inside a bottleneck.
func (b *builder) plain(path string, x nn.Node, k, f, stride int) nn.Node {
	if k == 1 {
		return b.reluConvBN(path+"/conv", path+"/bn", x, f, 1, 1, nn.ConvOpts{Stride: stride})
	}
	return b.bottleneck(path, x, f, f/4, func(x nn.Node, f int) nn.Node {
		return b.reluConvBN(path+"/conv", path+"/bn", x, f, k, k, nn.ConvOpts{Stride: stride})
	})
}

// dilated adds a convolution that reads every other pixel, inside a bottleneck. AmoebaNet has rates 2, 4 and 6; the
// search space has 2.
func (b *builder) dilated(path string, x nn.Node, k, f, stride int) nn.Node {
	return b.bottleneck(path, x, f, f/4, func(x nn.Node, f int) nn.Node {
		return b.reluConvBN(path+"/conv", path+"/bn", x, f, k, k, nn.ConvOpts{Stride: stride, Dilation: 2})
	})
}

// factorized adds 1 x k then k x 1, each with its own part of the stride, inside a bottleneck of 3F/8 filters for k = 3
// and F/4 for k = 7.
func (b *builder) factorized(path string, x nn.Node, k, f, stride int) nn.Node {
	narrow := f / 4
	if k == 3 {
		narrow = 3 * f / 8
	}
	return b.bottleneck(path, x, f, narrow, func(x nn.Node, f int) nn.Node {
		x = b.reluConvBN(path+"/conv_h", path+"/mid_bn", x, f, 1, k, nn.ConvOpts{SW: stride})
		return b.reluConvBN(path+"/conv_v", path+"/bn", x, f, k, 1, nn.ConvOpts{SH: stride})
	})
}

// bottleneck adds a 1x1 convolution to narrow filters, then body with that many filters, then a 1x1 convolution to f.
// If narrow is 0, it adds only body, with f filters.
func (b *builder) bottleneck(path string, x nn.Node, f, narrow int, body func(x nn.Node, f int) nn.Node) nn.Node {
	if narrow < 1 {
		return body(x, f)
	}
	x = b.reluConvBN(path+"/pre", path+"/pre_bn", x, narrow, 1, 1, nn.ConvOpts{})
	return b.reluConvBN(path+"/post", path+"/post_bn", body(x, narrow), f, 1, 1, nn.ConvOpts{})
}

func (b *builder) avgPool(path string, x nn.Node, k, f, stride int) nn.Node {
	return b.pooled(path, b.g.AvgPool(x, k, stride), f)
}

func (b *builder) maxPool(path string, x nn.Node, k, f, stride int) nn.Node {
	return b.pooled(path, b.g.MaxPool(x, k, stride), f)
}

// pooled adds a 1x1 convolution and BN, without relu, where the input of a pool does not have f filters.
func (b *builder) pooled(path string, x nn.Node, f int) nn.Node {
	if channels(x) == f {
		return x
	}
	return b.point([]string{path + "/conv"}, path+"/bn", []nn.Node{x}, f, nn.ConvOpts{})
}
