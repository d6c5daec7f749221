// Verifies the transparency log with golang.org/x/mod/sumdb, which knows nothing of this project: that the checkpoint
// is signed by the key, that the tiles lead to its root, that every entry is in them, and a proof in text form.
//
//	golog URL KEYFILE [PROOFFILE ENTRYHEX]
package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println("WRONG:", err)
		os.Exit(1)
	}
	return value
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// reader fetches tiles as tlog-tiles names them.
type reader struct{ url string }

func (r reader) Height() int                     { return 8 }
func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}
func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// x/mod writes tile/8/<L>/<N>; tlog-tiles leaves the height out.
		data, err := get(r.url + "/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		read[i] = data
	}
	return read, nil
}

func open(text []byte, key string) tlog.Tree {
	verifier := must(note.NewVerifier(strings.TrimSpace(key)))
	signed := must(note.Open(text, note.VerifierList(verifier)))
	lines := strings.Split(signed.Text, "\n")
	if lines[0] != verifier.Name() {
		must(0, fmt.Errorf("the checkpoint is of %s", lines[0]))
	}
	root := must(base64.StdEncoding.DecodeString(lines[2]))
	tree := tlog.Tree{N: must(strconv.ParseInt(lines[1], 10, 64))}
	copy(tree.Hash[:], root)
	return tree
}

func main() {
	url, key := os.Args[1], string(must(os.ReadFile(os.Args[2])))
	if len(os.Args) > 3 {
		proof(string(must(os.ReadFile(os.Args[3]))), must(hex.DecodeString(os.Args[4])), key)
		return
	}
	tree := open(must(get(url+"/checkpoint")), key)
	hashes := tlog.TileHashReader(tree, reader{url})
	for n := int64(0); n < tree.N; n += 256 {
		width := min(256, tree.N-n)
		path := fmt.Sprintf("%03d", n/256)
		if width < 256 {
			path += fmt.Sprintf(".p/%d", width)
		}
		bundle := must(get(url + "/tile/entries/" + path))
		for at := n; at < n+width; at++ {
			length := int(bundle[0])<<8 | int(bundle[1])
			leaf := tlog.RecordHash(bundle[2 : 2+length])
			bundle = bundle[2+length:]
			if at%97 == 0 || at == tree.N-1 {
				path := must(tlog.ProveRecord(tree.N, at, hashes))
				must(0, tlog.CheckRecord(path, tree.N, tree.Hash, at, leaf))
			}
			there := must(hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, at)}))
			if there[0] != leaf {
				must(0, fmt.Errorf("entry %d is not in its tile", at))
			}
		}
	}
	for old := int64(1); old <= tree.N; old += 1 + tree.N/7 {
		root := must(tlog.TreeHash(old, hashes))
		must(0, tlog.CheckTree(must(tlog.ProveTree(tree.N, old, hashes)), tree.N, tree.Hash, old, root))
	}
	fmt.Printf("RIGHT: %d entries\n", tree.N)
}

// proof checks a proof as c2sp.org/tlog-proof writes it.
func proof(text string, entry []byte, key string) {
	head, checkpoint, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	index := must(strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64))
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		var hash tlog.Hash
		copy(hash[:], must(base64.StdEncoding.DecodeString(line)))
		path = append(path, hash)
	}
	tree := open([]byte(checkpoint), key)
	must(0, tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
	fmt.Printf("RIGHT: entry %d of %d\n", index, tree.N)
}
