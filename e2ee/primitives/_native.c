/*
 * The fast path under e2ee/primitives and e2ee/ratchet/message.py: calls of libsodium in place of Python's.
 *
 * Every function here has its reference in Python, under the decorator `native` that names it; the reference is
 * the text to read, and this file may differ from it in nothing but time. It takes bytes and gives bytes back. It
 * holds no state between calls, draws no randomness, and reads no clock, file or environment
 * (spec/adr/0037-native.md, docs/native.md).
 *
 * - Every length is compared with what libsodium writes or reads before the call; more than 2^31 - 1 bytes are
 *   refused, as by the reference.
 * - Derived keys lie on the stack only, and are wiped before a function returns. Arguments are read where they
 *   are: bytes objects do not change while a caller holds them.
 * - Above RELEASE_ABOVE_B the interpreter's lock is released around the calls of libsodium, never around others.
 * - Limited API of Python 3.11: one build for 3.11 and every later version.
 */
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <sodium.h>
#include <string.h>

#if SODIUM_LIBRARY_VERSION_MAJOR < 10 || (SODIUM_LIBRARY_VERSION_MAJOR == 10 && SODIUM_LIBRARY_VERSION_MINOR < 3)
#error "libsodium 1.0.18 or newer is needed"
#endif

/* Raised with each change of what a function takes or gives; e2ee/primitives/_select.py expects the same. */
#define INTERFACE 1

#define RELEASE_ABOVE_B 16384
#define MAX_B 2147483647
#define KEY_B 32
#define TAG_B 16
#define LABEL_B 16
#define SALT_B 16
#define PRF_MAX_B 64
#define CHAIN_TAG_B 8
#define SESSION_B 32
#define HEADER_B 48
#define SEALED_HEADER_B (HEADER_B + TAG_B)
#define LEAD_B 2
#define PREFIX_B 2108
#define MAX_AHEAD_B (LEAD_B + PREFIX_B + CHAIN_TAG_B + SALT_B + SEALED_HEADER_B)
#define XNONCE_B 24

typedef struct {
    const unsigned char *at;
    size_t size;
} Bytes;

/* Classes of e2ee.errors, as the references raise them; kept for the life of the process. */
enum { AUTHENTICATION_ERROR, INVALID_ARGUMENT, INVALID_KEY, ERRORS };
static const char *const ERROR_NAMES[ERRORS] = {"AuthenticationError", "InvalidArgument", "InvalidKey"};

/* Labels of chapter 07, zero-padded (PRM-06). */
static const unsigned char CHAIN[LABEL_B] = "SR1-chain";
static const unsigned char SALT[LABEL_B] = "SR1-salt";
static const unsigned char HEADER_KEY[LABEL_B] = "SR1-header-key";
static const unsigned char BODY_KEY[LABEL_B] = "SR1-body-key";
static const unsigned char NO_SALT[SALT_B] = {0};
/* A key seals one message only (PRM-07). */
static const unsigned char NO_NONCE[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};

static PyObject *error(PyObject *module, int which)
{
    return ((PyObject **)PyModule_GetState(module))[which];
}

/* Read `wanted` arguments, all of them bytes of at most MAX_B; 0, or -1 with an exception set. */
static int take(PyObject *const *args, Py_ssize_t given, Bytes *into, Py_ssize_t wanted)
{
    if (given != wanted) {
        PyErr_Format(PyExc_TypeError, "%zd arguments are expected", wanted);
        return -1;
    }
    for (Py_ssize_t i = 0; i < wanted; i++) {
        char *at;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(args[i], &at, &size) < 0)
            return -1;
        if (size > MAX_B) {
            PyErr_SetString(PyExc_OverflowError, "more than 2^31 - 1 bytes");
            return -1;
        }
        into[i].at = (const unsigned char *)at;
        into[i].size = (size_t)size;
    }
    return 0;
}

/* A bytes object of `size` bytes to be written before anybody else sees it; NULL with an exception set. */
static PyObject *room(size_t size, unsigned char **at)
{
    PyObject *made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    *at = made == NULL ? NULL : (unsigned char *)PyBytes_AsString(made);
    return made;
}

/* A tuple of two objects that it takes over, either of which may be NULL: then NULL. */
static PyObject *pair_of(PyObject *first, PyObject *second)
{
    PyObject *both = first == NULL || second == NULL ? NULL : PyTuple_Pack(2, first, second);
    Py_XDECREF(first);
    Py_XDECREF(second);
    return both;
}

static PyThreadState *release(size_t size)
{
    return size > RELEASE_ABOVE_B ? PyEval_SaveThread() : NULL;
}

static void retake(PyThreadState *released)
{
    if (released != NULL)
        PyEval_RestoreThread(released);
}

/* Keyed BLAKE2b over up to three pieces (PRM-12). The sizes of key and output are the caller's to check. */
static void prf(unsigned char *out, size_t out_b, Bytes key, const unsigned char *label, const unsigned char *salt,
                const Bytes *pieces, size_t count)
{
    crypto_generichash_blake2b_state hash;
    (void)crypto_generichash_blake2b_init_salt_personal(&hash, key.at, key.size, out_b, salt, label);
    for (size_t i = 0; i < count; i++)
        (void)crypto_generichash_blake2b_update(&hash, pieces[i].at, pieces[i].size);
    (void)crypto_generichash_blake2b_final(&hash, out, out_b);
    sodium_memzero(&hash, sizeof hash);
}

/* Encrypt and decrypt of ChaCha20-Poly1305 (PRM-07) and, for the store, of XChaCha20-Poly1305 (STO-01). */
typedef int Seal(unsigned char *, unsigned long long *, const unsigned char *, unsigned long long,
                 const unsigned char *, unsigned long long, const unsigned char *, const unsigned char *,
                 const unsigned char *);
typedef int Open(unsigned char *, unsigned long long *, unsigned char *, const unsigned char *, unsigned long long,
                 const unsigned char *, unsigned long long, const unsigned char *, const unsigned char *);

static PyObject *sealed(Seal *seal, const unsigned char *key, const unsigned char *nonce, Bytes plain, Bytes ad)
{
    unsigned char *at;
    PyObject *made = room(plain.size + TAG_B, &at);
    if (made == NULL)
        return NULL;
    PyThreadState *released = release(plain.size);
    (void)seal(at, NULL, plain.at, plain.size, ad.at, ad.size, NULL, nonce, key);
    retake(released);
    return made;
}

/* The plaintext of a ciphertext, or NULL with AuthenticationError set. */
static PyObject *opened(PyObject *module, Open *open, const unsigned char *key, const unsigned char *nonce, Bytes text,
                        Bytes ad)
{
    unsigned char *at = NULL;
    int bad = text.size < TAG_B;
    PyObject *plain = bad ? NULL : room(text.size - TAG_B, &at);
    if (plain != NULL) {
        PyThreadState *released = release(text.size);
        bad = open(at, NULL, NULL, text.at, text.size, ad.at, ad.size, nonce, key);
        retake(released);
    }
    if (bad) {
        Py_CLEAR(plain);
        PyErr_SetNone(error(module, AUTHENTICATION_ERROR));
    }
    return plain;
}

/* Read `wanted` arguments of which the first sizes are given; 0, or -1 with `refusal` or another exception set. */
static int take_sized(PyObject *const *args, Py_ssize_t given, Bytes *into, Py_ssize_t wanted, PyObject *refusal,
                      const size_t *sizes, Py_ssize_t sized)
{
    if (take(args, given, into, wanted) < 0)
        return -1;
    for (Py_ssize_t i = 0; i < sized; i++)
        if (into[i].size != sizes[i]) {
            PyErr_Format(refusal, "argument %zd has the wrong size", i + 1);
            return -1;
        }
    return 0;
}

static const size_t ONE_KEY[] = {KEY_B}, KEY_AND_NONCE[] = {KEY_B, XNONCE_B}, KEY_AND_SALT[] = {KEY_B, SALT_B};

/* aead.seal(key, plaintext, associated) */
static PyObject *aead_seal(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Bytes in[3];
    if (take_sized(args, given, in, 3, PyExc_ValueError, ONE_KEY, 1) < 0)
        return NULL;
    return sealed(crypto_aead_chacha20poly1305_ietf_encrypt, in[0].at, NO_NONCE, in[1], in[2]);
}

/* aead.open_(key, ciphertext, associated) */
static PyObject *aead_open(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Bytes in[3];
    if (take_sized(args, given, in, 3, PyExc_ValueError, ONE_KEY, 1) < 0)
        return NULL;
    return opened(module, crypto_aead_chacha20poly1305_ietf_decrypt, in[0].at, NO_NONCE, in[1], in[2]);
}

/* xaead.seal(key, nonce, plaintext, associated) */
static PyObject *xaead_seal(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Bytes in[4];
    if (take_sized(args, given, in, 4, error(module, INVALID_ARGUMENT), KEY_AND_NONCE, 2) < 0)
        return NULL;
    return sealed(crypto_aead_xchacha20poly1305_ietf_encrypt, in[0].at, in[1].at, in[2], in[3]);
}

/* xaead.open_(key, nonce, ciphertext, associated) */
static PyObject *xaead_open(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Bytes in[4];
    if (take_sized(args, given, in, 4, error(module, INVALID_ARGUMENT), KEY_AND_NONCE, 2) < 0)
        return NULL;
    return opened(module, crypto_aead_xchacha20poly1305_ietf_decrypt, in[0].at, in[1].at, in[2], in[3]);
}

/* kdf.prf(key, label, size_b, salt=bytes(16), data=b""); as with hashlib a short label or salt is zero-padded. */
static PyObject *kdf_prf(PyObject *Py_UNUSED(module), PyObject *args, PyObject *named)
{
    static char *NAMES[] = {"key", "label", "size_b", "salt", "data", NULL};
    PyObject *taken[4] = {NULL};
    Py_ssize_t size_b;
    /* No format with "#": built for 3.13, it is refused by 3.11 and 3.12. */
    if (!PyArg_ParseTupleAndKeywords(args, named, "SSn|SS", NAMES, &taken[0], &taken[1], &size_b, &taken[2], &taken[3]))
        return NULL;
    Bytes in[4] = {{NULL, 0}};
    for (int i = 0; i < 4; i++)
        if (taken[i] != NULL)
            in[i] = (Bytes){(const unsigned char *)PyBytes_AsString(taken[i]), (size_t)PyBytes_Size(taken[i])};
    const Bytes key = in[0], name = in[1], salted = in[2], data = in[3];
    if (size_b < 1 || size_b > PRF_MAX_B || key.size > PRF_MAX_B || name.size > LABEL_B || salted.size > SALT_B) {
        PyErr_SetString(PyExc_ValueError, "a size that BLAKE2b does not have");
        return NULL;
    }
    unsigned char label[LABEL_B] = {0}, salt[SALT_B] = {0}, *at;
    memcpy(label, name.at, name.size);
    if (salted.at != NULL)
        memcpy(salt, salted.at, salted.size);
    PyObject *out = room((size_t)size_b, &at);
    if (out == NULL)
        return NULL;
    PyThreadState *released = release(data.size);
    prf(at, (size_t)size_b, key, label, salt, &data, data.at != NULL);
    retake(released);
    return out;
}

/* Whether 32 bytes, little-endian, are below 2^255 - 19 (PRM-01). The key is public. */
static int canonical(const unsigned char *u)
{
    static const unsigned char P[KEY_B] = {
        0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
    for (int i = KEY_B - 1; i >= 0; i--)
        if (u[i] != P[i])
            return u[i] < P[i];
    return 0;
}

/* dh.exchange(private, public) (PRM-01, PRM-02) */
static PyObject *dh_exchange(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Bytes in[2];
    if (take_sized(args, given, in, 2, error(module, INVALID_ARGUMENT), ONE_KEY, 1) < 0)
        return NULL;
    if (in[1].size != KEY_B || !canonical(in[1].at)) {
        PyErr_SetString(error(module, INVALID_KEY), "not a canonical X25519 public key");
        return NULL;
    }
    unsigned char *at;
    PyObject *shared = room(KEY_B, &at);
    if (shared == NULL)
        return NULL;
    if (crypto_scalarmult_curve25519(at, in[0].at, in[1].at) != 0 || sodium_is_zero(at, KEY_B)) {
        Py_DECREF(shared);
        PyErr_SetString(error(module, INVALID_KEY), "X25519 public key of low order");
        return NULL;
    }
    return shared;
}

/* message.seal(chain_key, header_key, tag, session_id, header, fresh, lead, body) (DR-04, DR-05, DR-07, DR-08) */
static PyObject *message_seal(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    static const size_t SIZES[] = {KEY_B, KEY_B, CHAIN_TAG_B, SESSION_B, HEADER_B, SALT_B};
    Bytes in[8];
    if (take_sized(args, given, in, 8, error(module, INVALID_ARGUMENT), SIZES, 6) < 0)
        return NULL;
    const Bytes tag = in[2], session = in[3], header = in[4], fresh = in[5], lead = in[6], body = in[7];
    if (lead.size != LEAD_B && lead.size != LEAD_B + PREFIX_B) {
        PyErr_SetString(error(module, INVALID_ARGUMENT), "not what an envelope begins with");
        return NULL;
    }
    const size_t salt_at = lead.size + CHAIN_TAG_B, header_at = salt_at + SALT_B, body_at = header_at + SEALED_HEADER_B;
    unsigned char *next, *at, step[2 * KEY_B], key[KEY_B], ad[MAX_AHEAD_B + SESSION_B];
    PyObject *next_key = room(KEY_B, &next), *envelope = room(body_at + body.size + TAG_B, &at);
    if (next_key != NULL && envelope != NULL) {
        PyThreadState *released = release(body.size);
        const Bytes message_key = {step + KEY_B, KEY_B}, hedged[] = {fresh, header, body};
        prf(step, sizeof step, in[0], CHAIN, NO_SALT, NULL, 0);
        memcpy(next, step, KEY_B);
        memcpy(at, lead.at, lead.size);
        memcpy(at + lead.size, tag.at, CHAIN_TAG_B);
        prf(at + salt_at, SALT_B, message_key, SALT, NO_SALT, hedged, 3);
        /* Of a prefix, which each first message repeats, the header's key binds version and kind alone. */
        memcpy(ad, lead.at, LEAD_B);
        memcpy(ad + LEAD_B, at + lead.size, CHAIN_TAG_B + SALT_B);
        memcpy(ad + LEAD_B + CHAIN_TAG_B + SALT_B, session.at, SESSION_B);
        prf(key, KEY_B, in[1], HEADER_KEY, at + salt_at, NULL, 0);
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(at + header_at, NULL, header.at, header.size, ad,
                                                        LEAD_B + CHAIN_TAG_B + SALT_B + SESSION_B, NULL, NO_NONCE, key);
        memcpy(ad, at, body_at);
        memcpy(ad + body_at, session.at, SESSION_B);
        prf(key, KEY_B, message_key, BODY_KEY, at + salt_at, NULL, 0);
        (void)crypto_aead_chacha20poly1305_ietf_encrypt(at + body_at, NULL, body.at, body.size, ad,
                                                        body_at + SESSION_B, NULL, NO_NONCE, key);
        sodium_memzero(step, sizeof step);
        sodium_memzero(key, sizeof key);
        retake(released);
    }
    return pair_of(next_key, envelope);
}

/* Read (key, salt, ciphertext, associated), and open under the key that `label` makes of key and salt. For a chain
 * key the message key comes between, and (next chain key, plaintext) is returned. */
static PyObject *open_salted(PyObject *module, PyObject *const *args, Py_ssize_t given, const unsigned char *label,
                             int chain)
{
    Bytes in[4];
    if (take_sized(args, given, in, 4, error(module, INVALID_ARGUMENT), KEY_AND_SALT, 2) < 0)
        return NULL;
    unsigned char step[2 * KEY_B], key[KEY_B];
    if (chain)
        prf(step, sizeof step, in[0], CHAIN, NO_SALT, NULL, 0);
    prf(key, KEY_B, chain ? (Bytes){step + KEY_B, KEY_B} : in[0], label, in[1].at, NULL, 0);
    PyObject *plain = opened(module, crypto_aead_chacha20poly1305_ietf_decrypt, key, NO_NONCE, in[2], in[3]);
    if (plain != NULL && chain)
        plain = pair_of(PyBytes_FromStringAndSize((const char *)step, KEY_B), plain);
    sodium_memzero(step, sizeof step);
    sodium_memzero(key, sizeof key);
    return plain;
}

/* open_header(header_key, salt, sealed_header, associated): DR-07, DR-11; open_skipped(message_key, salt, sealed_body,
 * associated): DR-08, DR-12; open_next(chain_key, salt, sealed_body, associated): DR-04, DR-08. */
#define OPENS(name, label, chain)                                                                                      \
    static PyObject *message_##name(PyObject *module, PyObject *const *args, Py_ssize_t given)                         \
    {                                                                                                                  \
        return open_salted(module, args, given, label, chain);                                                         \
    }
OPENS(open_header, HEADER_KEY, 0)
OPENS(open_skipped, BODY_KEY, 0)
OPENS(open_next, BODY_KEY, 1)

#define FAST(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, NULL}
static PyMethodDef METHODS[] = {
    FAST(aead_seal), FAST(aead_open), FAST(dh_exchange), FAST(xaead_seal), FAST(xaead_open),
    FAST(message_seal), FAST(message_open_header), FAST(message_open_skipped), FAST(message_open_next),
    {"kdf_prf", (PyCFunction)(void (*)(void))kdf_prf, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL}};

/* Find the classes of errors, and let libsodium choose its implementations. */
static int prepare(PyObject *module)
{
    PyObject *errors = PyImport_ImportModule("e2ee.errors"), **found = (PyObject **)PyModule_GetState(module);
    for (int i = 0; i < ERRORS; i++)
        if (errors == NULL || (found[i] = PyObject_GetAttrString(errors, ERROR_NAMES[i])) == NULL)
            return -1;
    Py_DECREF(errors);
    if (sodium_init() < 0) {
        PyErr_SetString(PyExc_ImportError, "libsodium does not start");
        return -1;
    }
    return PyModule_AddStringConstant(module, "LIBSODIUM", sodium_version_string()) < 0
               ? -1
               : PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
}

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, (void *)prepare}, {0, NULL}};
static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_native", NULL, ERRORS * sizeof(PyObject *), METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&MODULE);
}
