/* A JSON module of somebody else, as small as can be, for test_json_foreign.py: a type ReJSON-RL, JSON.SET of whole documents and
 * JSON.GET, which gives the text back as it was. The declarations are those of the server's API for modules. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Ctx Ctx;
typedef struct String String;
typedef struct Key Key;
typedef struct IO IO;
typedef struct Type Type;
typedef int (*Command)(Ctx *, String **, int);

typedef struct {
    uint64_t version;
    void *(*rdb_load)(IO *, int);
    void (*rdb_save)(IO *, void *);
    void (*aof_rewrite)(IO *, String *, void *);
    size_t (*mem_usage)(const void *);
    void (*digest)(void *, void *);
    void (*free)(void *);
} Methods;

#define API(X) \
    X(int, SetModuleAttribs, (Ctx *, const char *, int, int)) \
    X(int, CreateCommand, (Ctx *, const char *, Command, const char *, int, int, int)) \
    X(Type *, CreateDataType, (Ctx *, const char *, int, Methods *)) \
    X(void *, OpenKey, (Ctx *, String *, int)) \
    X(void, CloseKey, (Key *)) \
    X(int, KeyType, (Key *)) \
    X(Type *, ModuleTypeGetType, (Key *)) \
    X(void *, ModuleTypeGetValue, (Key *)) \
    X(int, ModuleTypeSetValue, (Key *, Type *, void *)) \
    X(const char *, StringPtrLen, (const String *, size_t *)) \
    X(int, ReplyWithStringBuffer, (Ctx *, const char *, size_t)) \
    X(int, ReplyWithSimpleString, (Ctx *, const char *)) \
    X(int, ReplyWithError, (Ctx *, const char *)) \
    X(int, ReplyWithNull, (Ctx *)) \
    X(int, ReplicateVerbatim, (Ctx *)) \
    X(int, NotifyKeyspaceEvent, (Ctx *, int, const char *, String *)) \
    X(void, SaveStringBuffer, (IO *, const char *, size_t)) \
    X(char *, LoadStringBuffer, (IO *, size_t *)) \
    X(void *, Alloc, (size_t)) \
    X(void, Free, (void *))

#define DECLARE(result, name, arguments) static result (*name) arguments;
API(DECLARE)

static Type *type;

typedef struct {
    size_t len;
    char bytes[];
} Text;

static Text *copy(const char *bytes, size_t len) {
    Text *text = Alloc(sizeof(Text) + len);
    text->len = len;
    memcpy(text->bytes, bytes, len);
    return text;
}

static void *load(IO *io, int version) {
    (void)version;
    size_t len;
    char *bytes = LoadStringBuffer(io, &len);
    Text *text = copy(bytes, len);
    Free(bytes);
    return text;
}

static void save(IO *io, void *text) {
    SaveStringBuffer(io, ((Text *)text)->bytes, ((Text *)text)->len);
}

enum { READ = 1, WRITE = 2, EMPTY = 0, MODULE_CLASS = 1 << 13 };

static int set(Ctx *ctx, String **argv, int argc) {
    if (argc != 4) return ReplyWithError(ctx, "ERR wrong number of arguments");
    size_t len;
    const char *bytes = StringPtrLen(argv[3], &len);
    Key *key = OpenKey(ctx, argv[1], READ | WRITE);
    ModuleTypeSetValue(key, type, copy(bytes, len));
    CloseKey(key);
    ReplicateVerbatim(ctx);
    NotifyKeyspaceEvent(ctx, MODULE_CLASS, "json.set", argv[1]);
    return ReplyWithSimpleString(ctx, "OK");
}

static int get(Ctx *ctx, String **argv, int argc) {
    (void)argc;
    Key *key = OpenKey(ctx, argv[1], READ);
    if (KeyType(key) == EMPTY) {
        CloseKey(key);
        return ReplyWithNull(ctx);
    }
    if (ModuleTypeGetType(key) != type) {
        CloseKey(key);
        return ReplyWithError(ctx, "WRONGTYPE");
    }
    Text *text = ModuleTypeGetValue(key);
    ReplyWithStringBuffer(ctx, text->bytes, text->len);
    CloseKey(key);
    return 0;
}

int RedisModule_OnLoad(Ctx *ctx, String **argv, int argc) {
    (void)argv, (void)argc;
    int (*function)(const char *, void *) = (int (*)(const char *, void *))((void **)ctx)[0];
#define FETCH(result, name, arguments) function("RedisModule_" #name, &name);
    API(FETCH)
    SetModuleAttribs(ctx, "ReJSON", 1, 1);
    static Methods methods = {.version = 1, .rdb_load = load, .rdb_save = save};
    methods.free = Free;
    type = CreateDataType(ctx, "ReJSON-RL", 3, &methods);
    if (!type) return 1;
    if (CreateCommand(ctx, "JSON.SET", set, "write", 1, 1, 1)) return 1;
    return CreateCommand(ctx, "JSON.GET", get, "readonly", 1, 1, 1);
}
